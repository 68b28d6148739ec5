{{/*
What Ray Serve is told, with every key that retail_forecast/serving/config.py writes. Which vintage is put in by the endpoint
asset, not by Helm: an upgrade takes over what the running RayService is told, byte for byte if nothing else changed. Until
then a replica serves the vintage in force in the lake.
*/}}
{{- define "retail-forecast.serveConfig" -}}
{{- $serve := .Values.serve -}}
{{- $live := "" -}}
{{- with lookup "ray.io/v1" "RayService" .Release.Namespace "retail-forecast" -}}
  {{- $live = .spec.serveConfigV2 -}}
{{- end -}}
{{- $user := dict "lake_url" (.Values.settings.lake_url | default "file:///var/lib/retail-forecast/lake") -}}
{{- range (fromYaml $live).applications -}}
  {{- $user = (first .deployments).user_config | default $user -}}
{{- end -}}
{{- $deployment := dict
  "name" "forecasts"
  "user_config" $user
  "max_ongoing_requests" (int $serve.maxOngoingRequests)
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
  "runtime_env" (dict "env_vars" dict)
  "deployments" (list $deployment)
-}}
{{- $config := dict
  "proxy_location" "EveryNode"
  "http_options" (dict "host" "0.0.0.0" "port" 8000)
  "logging_config" (dict "encoding" (upper .Values.settings.log_format))
  "applications" (list $application)
-}}
{{- if and $live (eq (toJson (fromYaml $live)) (toJson (fromYaml (toYaml $config)))) -}}
  {{- $live -}}
{{- else -}}
  {{- toYaml $config -}}
{{- end -}}
{{- end -}}
