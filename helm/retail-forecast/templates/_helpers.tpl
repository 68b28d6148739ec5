{{/* Labels of every object of ours. Argument: the root. */}}
{{- define "retail-forecast.labels" -}}
app.kubernetes.io/name: retail-forecast
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Image of a role. Argument: (dict "root" $ "role" "orchestrator"). */}}
{{- define "retail-forecast.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "retail-forecast/%s:%s" .role ($image.tag | default .root.Chart.AppVersion) -}}
{{- if $image.registry }}{{ printf "%s/%s" $image.registry $name }}{{ else }}{{ $name }}{{ end -}}
{{- end -}}

{{/* Restricted pod security: who the processes are. Argument: (dict "uid" 1000). */}}
{{- define "retail-forecast.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .uid }}
runAsGroup: {{ .uid }}
fsGroup: {{ .uid }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Restricted pod security: what a container may do. */}}
{{- define "retail-forecast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The volume that holds RETAIL_FORECAST_HOME: kept where the lake lies in it, else gone with the pod. */}}
{{- define "retail-forecast.homeVolume" -}}
name: home
{{- if .Values.home.persistent }}
persistentVolumeClaim:
  claimName: retail-forecast-home
{{- else }}
emptyDir:
  sizeLimit: {{ .Values.home.size }}
{{- end }}
{{- end -}}

{{/* Rules of NetworkPolicies that several parts share. */}}
{{- define "retail-forecast.egressToCloud" -}}
- to: # AWS, the Kubernetes API and the identity provider have no fixed addresses
    - ipBlock:
        cidr: 0.0.0.0/0
  ports:
    {{- range .Values.networkPolicy.httpsPorts }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
- to: # the agent of EKS Pod Identity, on the node
    - ipBlock:
        cidr: 169.254.170.23/32
  ports:
    - {protocol: TCP, port: 80}
{{- end -}}

{{/* Pods of a part, as a peer. Argument: the part. */}}
{{- define "retail-forecast.peer" -}}
podSelector:
  matchLabels:
    retail-forecast/part: {{ . }}
{{- end -}}

{{/* The KubeRay operator, in this namespace or, without the dependency, wherever it runs. */}}
{{- define "retail-forecast.operatorPeer" -}}
{{- if not (index .Values "kuberay-operator").enabled -}}
namespaceSelector: {}
{{ end -}}
podSelector:
  matchLabels:
    app.kubernetes.io/name: kuberay-operator
{{- end -}}
