{{- /* What every object carries, and the one name that all of them have. */ -}}
{{- define "mailaccess.name" -}}
{{ printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mailaccess.selector" -}}
app.kubernetes.io/name: mailaccess-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mailaccess.labels" -}}
{{ include "mailaccess.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: mailaccess
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mailaccess.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
