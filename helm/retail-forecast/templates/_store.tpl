{{/*
A StatefulSet of one pod with a volume, and its Service: Redis for the head's memory, PostgreSQL on a laptop.
Argument: (dict "root" $ "name" "redis" "uid" 999 "store" .Values.redis "port" 6379 "container" (extra fields, a YAML text)).
*/}}
{{- define "retail-forecast.store" -}}
apiVersion: v1
kind: Service
metadata:
  name: retail-forecast-{{ .name }}
  labels: {{- include "retail-forecast.labels" .root | nindent 4 }}
spec:
  selector: {retail-forecast/part: {{ .name }}}
  ports:
    - {name: {{ .name }}, port: {{ .port }}, targetPort: {{ .name }}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: retail-forecast-{{ .name }}
  labels: {{- include "retail-forecast.labels" .root | nindent 4 }}
spec:
  serviceName: retail-forecast-{{ .name }}
  replicas: 1
  selector:
    matchLabels: {retail-forecast/part: {{ .name }}}
  template:
    metadata:
      labels: {retail-forecast/part: {{ .name }}}
    spec:
      automountServiceAccountToken: false
      securityContext: {{- include "retail-forecast.podSecurity" (dict "uid" .uid) | nindent 8 }}
      {{- with .store.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ .store.image }}
          imagePullPolicy: IfNotPresent
          ports:
            - {name: {{ .name }}, containerPort: {{ .port }}}
          {{- .container | nindent 10 }}
          resources: {{- toYaml .store.resources | nindent 12 }}
          securityContext: {{- include "retail-forecast.containerSecurity" .root | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: run, mountPath: /var/run/postgresql}
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: run
          emptyDir: {sizeLimit: 64Mi}
        - name: tmp
          emptyDir: {sizeLimit: 256Mi}
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .store.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .store.size }}
{{- end -}}
