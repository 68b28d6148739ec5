{{/* Annotations of every ALB. Argument: (dict "root" $ "ingress" .Values.ingress.api). */}}
{{- define "retail-forecast.albAnnotations" -}}
{{- $all := .root.Values.ingress -}}
alb.ingress.kubernetes.io/scheme: {{ .ingress.scheme }}
alb.ingress.kubernetes.io/target-type: ip
alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
alb.ingress.kubernetes.io/ssl-redirect: "443"
alb.ingress.kubernetes.io/certificate-arn: {{ $all.certificateArn }}
alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06
alb.ingress.kubernetes.io/healthcheck-interval-seconds: "10"
alb.ingress.kubernetes.io/healthy-threshold-count: "2"
alb.ingress.kubernetes.io/unhealthy-threshold-count: "2"
alb.ingress.kubernetes.io/success-codes: "200"
alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.drop_invalid_header_fields.enabled=true{{ with $all.accessLogsBucket }},access_logs.s3.enabled=true,access_logs.s3.bucket={{ . }},access_logs.s3.prefix=alb{{ end }}
alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=20
{{- with .ingress.inboundCidrs }}
alb.ingress.kubernetes.io/inbound-cidrs: {{ join "," . }}
{{- end }}
{{- with $all.wafAclArn }}
alb.ingress.kubernetes.io/wafv2-acl-arn: {{ . }}
{{- end }}
{{- with $all.tags }}
alb.ingress.kubernetes.io/tags: {{ $pairs := list }}{{ range $key, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $key $value) }}{{ end }}{{ join "," $pairs }}
{{- end }}
{{- end -}}
