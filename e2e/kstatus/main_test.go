package main

import (
	"strings"
	"testing"
)

// Each is an object of ours with the metadata and the status that it names.
var table = []struct {
	name, metadata, status, want string
}{
	{"nobody has written a status", `"generation": 1`, `{"observedGeneration": -1}`,
		`{"status":"InProgress","message":"MailAccessServer generation is 1, but latest observed generation is -1"}`},
	{"an edit is not observed yet", `"generation": 2`, `{"observedGeneration": 1, "conditions": [
		{"type": "Ready", "status": "True"}]}`,
		`{"status":"InProgress","message":"MailAccessServer generation is 2, but latest observed generation is 1"}`},
	{"pods load it", `"generation": 1`, `{"observedGeneration": 1, "conditions": [
		{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "Served by 0 of 1 pod so far."},
		{"type": "Reconciling", "status": "True", "reason": "Pending", "message": "Served by 0 of 1 pod so far."},
		{"type": "Stalled", "status": "False", "reason": "Idle", "message": "Nothing stands in the way."}]}`,
		`{"status":"InProgress","message":"Served by 0 of 1 pod so far."}`},
	{"it is served", `"generation": 1`, `{"observedGeneration": 1, "conditions": [
		{"type": "Ready", "status": "True", "reason": "Programmed", "message": "Served by 1 of 1 pod."},
		{"type": "Reconciling", "status": "False", "reason": "Idle", "message": "Nothing is outstanding."},
		{"type": "Stalled", "status": "False", "reason": "Idle", "message": "Nothing stands in the way."}]}`,
		`{"status":"Current","message":"Resource is Ready"}`},
	{"it is refused", `"generation": 1`, `{"observedGeneration": 1, "conditions": [
		{"type": "Ready", "status": "False", "reason": "Invalid", "message": "spec.replicas: no."},
		{"type": "Reconciling", "status": "False", "reason": "Idle", "message": "What is wrong has to be changed first."},
		{"type": "Stalled", "status": "True", "reason": "Invalid", "message": "spec.replicas: no."}]}`,
		`{"status":"Failed","message":"spec.replicas: no."}`},
	// Why an object must never say both.
	{"it is stalled and goes on", `"generation": 1`, `{"observedGeneration": 1, "conditions": [
		{"type": "Reconciling", "status": "True", "reason": "Pending", "message": "Pods load it."},
		{"type": "Stalled", "status": "True", "reason": "Invalid", "message": "spec.replicas: no."}]}`,
		`{"status":"InProgress","message":"Pods load it."}`},
	// Why the definitions have a default for the status.
	{"there is no status at all", `"generation": 1`, `{}`, `{"status":"Current","message":"Resource is current"}`},
	{"it is deleted", `"generation": 1, "deletionTimestamp": "2026-01-01T00:00:00Z"`, `{"observedGeneration": 1}`,
		`{"status":"Terminating","message":"Resource scheduled for deletion"}`},
	{"its status is no status", `"generation": 1`, `{"observedGeneration": "1"}`,
		`{"error":"looking up status.observedGeneration from resource: .status.observedGeneration accessor error: 1 is of the type string, expected int64"}`},
}

func TestVerdicts(t *testing.T) {
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			object := `{"apiVersion": "mailaccess.dev/v1alpha1", "kind": "MailAccessServer", "metadata": {"name": "mail", ` +
				row.metadata + `}, "status": ` + row.status + `}`
			var out strings.Builder
			if err := run(strings.NewReader(object), &out); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(out.String(), "\n"); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestObjectsHaveALineEach(t *testing.T) {
	object := `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}`
	var out strings.Builder
	if err := run(strings.NewReader(object+"\n"+object+"{}"), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"Current"`) || !strings.Contains(lines[2], `"error"`) {
		t.Errorf("got %q", lines)
	}
	if err := run(strings.NewReader(object+"{"), &out); err == nil {
		t.Error("half an object was taken for one")
	}
}
