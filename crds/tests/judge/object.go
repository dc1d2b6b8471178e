package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v2"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	structuralmeta "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// judge says what is wrong with an object that is created, or updated if old is not empty, or updated in its status only.
func judge(kinds map[string]*kind, text, oldText string, ofStatus bool) []fault {
	object, k, faults := decode(kinds, text)
	if len(faults) > 0 {
		return faults
	}
	ctx := context.TODO()
	if oldText == "" {
		k.strategy.PrepareForCreate(ctx, object)
		return asFaults(k.strategy.Validate(ctx, object))
	}
	old, _, faults := decode(kinds, oldText)
	if len(faults) > 0 {
		return append(faults, fault{Cause: "Unreadable", Detail: "the stored object does not decode"})
	}
	// What is stored has gone through creation itself.
	k.strategy.PrepareForCreate(ctx, old)
	defaulting.Default(old.Object, k.structural)
	if stored := k.strategy.Validate(ctx, old); len(stored) > 0 {
		return append(asFaults(stored), fault{Cause: "Unreadable", Detail: "the stored object would not have been accepted"})
	}
	old.SetResourceVersion("1")
	object.SetResourceVersion("1")
	object.SetGeneration(old.GetGeneration())
	var strategy updateStrategy = k.strategy
	if ofStatus {
		strategy = k.status
	}
	strategy.PrepareForUpdate(ctx, object, old)
	return asFaults(strategy.ValidateUpdate(ctx, object, old))
}

// decode does what stands before validation: kubectl's reading of YAML, Strict decoding, nulls and defaults.
func decode(kinds map[string]*kind, text string) (*unstructured.Unstructured, *kind, []fault) {
	unreadable := func(err error) []fault { return []fault{{Cause: "Unreadable", Detail: err.Error()}} }
	raw, err := toJSON([]byte(text))
	if err != nil {
		return nil, nil, unreadable(err)
	}
	content := map[string]any{}
	strict, err := kjson.UnmarshalStrict(raw, &content)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	faults := []fault{}
	for _, e := range strict {
		faults = append(faults, strictFault(e.Error()))
	}
	object := &unstructured.Unstructured{Object: content}
	k, found := kinds[object.GetKind()]
	if !found {
		return nil, nil, []fault{{Field: "kind", Cause: "FieldValueNotSupported", Detail: "no matches for kind " + object.GetKind()}}
	}
	_, _, metaUnknown, err := structuralmeta.GetObjectMetaWithOptions(content, structuralmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, nil, unreadable(err)
	}
	unknown := append(metaUnknown, pruning.PruneWithOptions(content, k.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	for _, name := range unknown {
		faults = append(faults, fault{Field: name, Cause: "UnknownField"})
	}
	if len(faults) > 0 {
		return nil, nil, faults
	}
	// A request carries a namespace even if the object does not.
	if object.GetNamespace() == "" {
		object.SetNamespace("default")
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(content, k.structural)
	defaulting.Default(content, k.structural)
	return object, k, nil
}

// read is kubectl's reading of YAML and nothing else.
func read(text string) string {
	raw, err := sigsyaml.YAMLToJSON([]byte(text))
	if err != nil {
		return ""
	}
	return string(raw)
}

func strictFault(message string) fault {
	if name, found := strings.CutPrefix(message, `duplicate field "`); found {
		return fault{Field: strings.TrimSuffix(name, `"`), Cause: "DuplicateField"}
	}
	return fault{Cause: "Unreadable", Detail: message}
}

// toJSON turns YAML into JSON as kubectl's library does, but keeps keys that stand twice, so that Strict decoding can name
// them.
func toJSON(text []byte) ([]byte, error) {
	var document yaml.MapSlice
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := writeJSON(&out, document); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func writeJSON(out *bytes.Buffer, value any) error {
	switch value := value.(type) {
	case yaml.MapSlice:
		out.WriteByte('{')
		for i, item := range value {
			if i > 0 {
				out.WriteByte(',')
			}
			switch item.Key.(type) {
			case string, int, int64, bool:
			default:
				return fmt.Errorf("unsupported map key of type %T", item.Key)
			}
			key, err := json.Marshal(fmt.Sprint(item.Key))
			if err != nil {
				return err
			}
			out.Write(key)
			out.WriteByte(':')
			if err := writeJSON(out, item.Value); err != nil {
				return err
			}
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, entry := range value {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeJSON(out, entry); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	default:
		scalar, err := json.Marshal(value)
		if err != nil {
			return err
		}
		out.Write(scalar)
	}
	return nil
}
