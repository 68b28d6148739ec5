{{/*
What Ray Serve is told, by the keys of retail_forecast/serving/config.py. Which vintage is not among it: that is state, told by
the endpoint asset, and a stored manifest that a rollback applies must not bring back old forecasts. Replicas that run keep
what they serve when they are told none; one that starts takes the vintage in force in the lake, and does not come up if it
cannot. The bounds of requests are no values: a replica refuses by itself, with a reason, at fewer (pressure.py).
*/}}
{{- define "retail-forecast.serveConfig" -}}
{{- $serve := .Values.serve -}}
{{- $lake := .Values.settings.lake_url | default "file:///var/lib/retail-forecast/lake" -}}
{{- $deployment := dict
  "name" "forecasts"
  "user_config" (dict "lake_url" $lake "required" true)
  "max_ongoing_requests" 400
  "max_queued_requests" 100
  "backpressure_config" (dict "status_code" 503 "retry_after_s" 1)
  "graceful_shutdown_timeout_s" 20
  "health_check_period_s" 5
  "health_check_timeout_s" 30
  "ray_actor_options" (dict "num_cpus" $serve.cpusPerReplica)
-}}
{{- if eq (int $serve.minReplicas) (int $serve.maxReplicas) -}}
  {{- $_ := set $deployment "num_replicas" (int $serve.minReplicas) -}}
{{- else -}}
  {{- $_ := set $deployment "autoscaling_config" (dict
    "min_replicas" (int $serve.minReplicas)
    "max_replicas" (int $serve.maxReplicas)
    "target_ongoing_requests" (int $serve.targetOngoingRequests)
  ) -}}
{{- end -}}
{{- $application := dict
  "name" "retail-forecast"
  "route_prefix" "/"
  "import_path" "retail_forecast.serving.replica:application"
  "deployments" (list $deployment)
-}}
{{- $config := dict
  "proxy_location" "EveryNode"
  "http_options" (dict "host" "0.0.0.0" "port" 8000)
  "logging_config" (dict "encoding" (upper .Values.settings.log_format))
  "applications" (list $application)
-}}
{{- toYaml $config -}}
{{- end -}}
