// Command kstatus says of objects what tools that wait for them conclude from their statuses: it runs the library of kpt,
// of which Flux and Helm use a fork. It asks nobody.
//
// Standard input is a stream of objects as JSON; standard output has a line {"status": ..., "message": ...} for each, or
// {"error": ...} where the library can conclude nothing.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  string `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	objects := json.NewDecoder(bufio.NewReader(in))
	buffered := bufio.NewWriter(out)
	lines := json.NewEncoder(buffered)
	for {
		var object json.RawMessage
		if err := objects.Decode(&object); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return fmt.Errorf("read an object: %w", err)
		}
		if err := lines.Encode(judge(object)); err != nil {
			return fmt.Errorf("write a verdict: %w", err)
		}
	}
}

func judge(object json.RawMessage) verdict {
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON(object); err != nil {
		return verdict{Error: err.Error()}
	}
	result, err := status.Compute(&u)
	if err != nil {
		return verdict{Error: err.Error()}
	}
	return verdict{Status: result.Status.String(), Message: result.Message}
}
