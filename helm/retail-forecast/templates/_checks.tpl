{{/* What the schema cannot say. Each message names the value and the way out. */}}
{{- define "retail-forecast.checks" -}}
{{- $terraform := "add -f aws.yaml, made by terraform output -raw helm_values > aws.yaml" -}}
{{- if ne .Release.Namespace .Values.namespace -}}
  {{- fail (printf "The workload identities are bound to namespace %s, not %s: install with --namespace %s, or set namespace." .Values.namespace .Release.Namespace .Values.namespace) -}}
{{- end -}}
{{- if and (not .Values.home.persistent) (not .Values.settings.lake_url) -}}
  {{- fail (printf "settings.lake_url is missing, and without it the lake would be gone with its pod: %s." $terraform) -}}
{{- end -}}
{{- range $name := list "api" "ui" -}}
  {{- $ingress := index $.Values.ingress $name -}}
  {{- if and $ingress.host (not $.Values.ingress.certificateArn) -}}
    {{- fail (printf "ingress.%s.host is set without ingress.certificateArn, and nothing is served without TLS: %s." $name $terraform) -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.ingress.ui.host (not .Values.ingress.oidc.issuer) -}}
  {{- fail "ingress.ui.host is set without ingress.oidc.issuer: Dagster has no login of its own, so its UI is reached through OIDC or not at all." -}}
{{- end -}}
{{- range $name := list "oidc_issuer" "oidc_audience" "oidc_jwks_url" -}}
  {{- if and (contains "oidc" $.Values.settings.auth) (not (index $.Values.settings $name)) -}}
    {{- fail (printf "settings.auth is %s, which needs settings.%s: docs/security.md says what it is." $.Values.settings.auth $name) -}}
  {{- end -}}
{{- end -}}
{{- if gt (int .Values.serve.minReplicas) (int .Values.serve.maxReplicas) -}}
  {{- fail (printf "serve.minReplicas (%v) is more than serve.maxReplicas (%v)." .Values.serve.minReplicas .Values.serve.maxReplicas) -}}
{{- end -}}
{{- if gt (int .Values.ray.worker.minReplicas) (int .Values.ray.worker.maxReplicas) -}}
  {{- fail (printf "ray.worker.minReplicas (%v) is more than ray.worker.maxReplicas (%v)." .Values.ray.worker.minReplicas .Values.ray.worker.maxReplicas) -}}
{{- end -}}
{{- if and .Values.dagster.dagsterDaemon.runMonitoring.maxResumeRunAttempts (ne (toString .Values.settings.executor) "kubernetes") -}}
  {{- fail "dagster.dagsterDaemon.runMonitoring.maxResumeRunAttempts: only a run whose steps are Jobs of their own can be resumed; set settings.executor to kubernetes, or it to 0." -}}
{{- end -}}
{{- if .Values.dagster.enabled -}}
  {{- $wanted := include "retail-forecast.image" (dict "root" . "role" "orchestrator") -}}
  {{- range $name := list "dagsterWebserver" "dagsterDaemon" -}}
    {{- $image := (index $.Values.dagster $name).image -}}
    {{- $found := printf "%s:%s" $image.repository (toString $image.tag) -}}
    {{- if ne $found $wanted -}}
      {{- fail (printf "dagster.%s.image is %s, the code server runs %s: set dagster.%s.image.repository and .tag to the same." $name $found $wanted $name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
