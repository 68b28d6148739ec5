{{/* What all Ray containers are given, the autoscaler beside the head included. Argument: the root. */}}
{{- define "retail-forecast.rayEnv" -}}
# Read when Ray is imported, so every process of the cluster needs the same.
- {name: RAY_SERVE_ENABLE_HA_PROXY, value: {{ ternary "1" "0" .Values.ray.haProxy | quote }}}
- {name: RAY_SERVE_THROUGHPUT_OPTIMIZED, value: {{ ternary "1" "0" .Values.ray.haProxy | quote }}}
# A replica that dies takes no request along: every question is a read, so HAProxy may put it to another one.
- {name: RAY_SERVE_HAPROXY_RETRY_ON, value: conn-failure empty-response}
{{- if .Values.ray.haProxy }}
# Replicas answer lookups before Serve does.
- {name: RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH, value: "retail_forecast.serving.shortcut:middlewares"}
{{- end }}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
- {name: HOME, value: /tmp}
- {name: OMP_NUM_THREADS, value: "1"}
- {name: POLARS_MAX_THREADS, value: "2"}
# Replicas on one node share their metrics, so whichever is asked answers for all.
- {name: PROMETHEUS_MULTIPROC_DIR, value: /var/run/retail-forecast-metrics}
- {name: RETAIL_FORECAST_LOG_FORMAT, value: {{ .Values.settings.log_format }}}
- {name: RETAIL_FORECAST_AWS_REGION, value: {{ .Values.settings.aws_region }}}
- {name: AWS_REGION, value: {{ .Values.settings.aws_region }}}
# Who may ask, and how often. What is not settled is not handed on, and without `auth` a replica does not start.
- {name: RETAIL_FORECAST_ENDPOINT, value: kuberay}
- {name: RETAIL_FORECAST_AUTH_KEYS_FILE, value: /etc/retail-forecast-api/keys.json}
{{- range $name := list "auth" "rate_limit" "rate_burst" "forwarded_hops" "cors_origins" "traces" "public_api_url" "oidc_issuer" "oidc_audience" "oidc_jwks_url" }}
{{- if hasKey $.Values.settings $name }}
- {name: RETAIL_FORECAST_{{ upper $name }}, value: {{ index $.Values.settings $name | toString | quote }}}
{{- end }}
{{- end }}
{{- if and .Values.ingress.api.host (not .Values.settings.public_api_url) }}
- {name: RETAIL_FORECAST_PUBLIC_API_URL, value: https://{{ .Values.ingress.api.host }}}
{{- end }}
{{- if and .Values.ingress.api.host (not (hasKey .Values.settings "forwarded_hops")) }}
# The load balancer adds to X-Forwarded-For whom it saw.
- {name: RETAIL_FORECAST_FORWARDED_HOPS, value: "1"}
{{- end }}
{{- end -}}

{{/* The pod of one Ray node. Argument: (dict "root" $ "role" "head" "group" .Values.ray.head). */}}
{{- define "retail-forecast.rayPod" -}}
{{- $root := .root -}}
metadata:
  labels: # KubeRay's services go by app.kubernetes.io/name, which is left to it
    retail-forecast/part: serving
    retail-forecast/node: {{ .role }}
spec:
  serviceAccountName: retail-forecast-serving
  # The autoscaler in the head changes the RayCluster; workers ask the Kubernetes API nothing.
  automountServiceAccountToken: {{ eq .role "head" }}
  terminationGracePeriodSeconds: 120
  securityContext: {{- include "retail-forecast.podSecurity" (dict "uid" $root.Values.image.uid) | nindent 4 }}
  {{- with .group.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .group.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .role "worker" }}
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: {{ $root.Values.ray.worker.spread }}
      labelSelector:
        matchLabels: {retail-forecast/node: worker}
    {{- end }}
  {{- end }}
  containers:
    - name: ray-{{ .role }}
      image: {{ include "retail-forecast.image" (dict "root" $root "role" "serving") }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      env: {{- include "retail-forecast.rayEnv" $root | nindent 8 }}
      ports:
        {{- if eq .role "head" }}
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: client, containerPort: 10001}
        {{- end }}
        - {name: serve, containerPort: 8000}
        - {name: metrics, containerPort: 8080}
      # The kubelet asks for itself; KubeRay's own probes start a shell and wget every time.
      startupProbe:
        httpGet: {path: /api/local_raylet_healthz, port: 52365}
        periodSeconds: 5
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /api/local_raylet_healthz, port: 52365}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 12
      readinessProbe:
        {{- if eq .role "head" }}
        httpGet: {path: /api/gcs_healthz, port: 8265}
        {{- else }}
        # No replica on this node, no traffic to it.
        httpGet: {path: /-/healthz, port: 8000}
        {{- end }}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: {{ eq .role "head" | ternary 10 1 }}
      lifecycle:
        preStop: # the load balancer learns of it before the process ends
          sleep: {seconds: 20}
      resources:
        requests:
          cpu: {{ .group.cpu | quote }}
          memory: {{ .group.memory }}
        limits:
          cpu: {{ .group.cpu | quote }}
          memory: {{ .group.memory }}
      securityContext: {{- include "retail-forecast.containerSecurity" $root | nindent 8 }}
      volumeMounts: {{- include "retail-forecast.rayMounts" $root | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ $root.Values.ray.tmp }}}
    - name: ray-logs
      emptyDir: {sizeLimit: 4Gi}
    - name: metrics
      emptyDir: {sizeLimit: 256Mi}
    - name: api-keys # a folder, not single files: a changed Secret then reaches replicas that run
      secret:
        secretName: {{ $root.Values.serve.keysSecret }}
        optional: true
        items: [{key: keys.json, path: keys.json}]
    {{- if $root.Values.home.persistent }}
    - {{- include "retail-forecast.homeVolume" $root | nindent 6 }}
    {{- end }}
{{- end -}}

{{/* Mounts of Ray's containers. The names ray-logs and /tmp/ray are KubeRay's, which then adds none of its own. */}}
{{- define "retail-forecast.rayMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: ray-logs, mountPath: /tmp/ray}
- {name: metrics, mountPath: /var/run/retail-forecast-metrics}
- {name: api-keys, mountPath: /etc/retail-forecast-api, readOnly: true}
{{- if .Values.home.persistent }}
- {name: home, mountPath: /var/lib/retail-forecast, readOnly: true}
{{- end }}
{{- end -}}
