// Command judge says what an API server would say: whether definitions of custom resources would be accepted, and whether
// objects would, created or updated, under Strict field validation. It runs the API server's own code, needs no server,
// and answers a whole batch in one process.
//
// Standard input is a JSON object {"crds": [YAML, ...], "cases": [{"name": ..., "new": YAML, "old": YAML, "ofStatus": ...},
// ...]}, where of a case of a status nothing else is written;
// standard output is {"crds": [{"name": ..., "errors": [...]}], "cases": [{"name": ..., "errors": [{"field", "cause",
// "detail"}]}]}. A case without errors is accepted. "texts", YAML beside the cases, come back as the JSON that kubectl would
// send, empty where it could not.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type request struct {
	CRDs  []string `json:"crds"`
	Cases []struct {
		Name string `json:"name"`
		New  string `json:"new"`
		Old  string `json:"old"`
		// OfStatus says that a write goes to the subresource status.
		OfStatus bool `json:"ofStatus"`
	} `json:"cases"`
	Texts []string `json:"texts"`
}

type fault struct {
	Field  string `json:"field"`
	Cause  string `json:"cause"`
	Detail string `json:"detail"`
}

type verdict struct {
	Name   string  `json:"name"`
	Errors []fault `json:"errors"`
}

type answer struct {
	CRDs  []verdict `json:"crds"`
	Cases []verdict `json:"cases"`
	Texts []string  `json:"texts"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run() error {
	var in request
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return fmt.Errorf("read the batch: %w", err)
	}
	out := answer{CRDs: []verdict{}, Cases: []verdict{}, Texts: []string{}}
	kinds := map[string]*kind{}
	for _, text := range in.CRDs {
		name, k, faults, err := newKind(text)
		if err != nil {
			return fmt.Errorf("read a definition: %w", err)
		}
		out.CRDs = append(out.CRDs, verdict{Name: name, Errors: faults})
		if k != nil {
			kinds[k.kind] = k
		}
	}
	for _, c := range in.Cases {
		out.Cases = append(out.Cases, verdict{Name: c.Name, Errors: judge(kinds, c.New, c.Old, c.OfStatus)})
	}
	for _, text := range in.Texts {
		out.Texts = append(out.Texts, read(text))
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}
