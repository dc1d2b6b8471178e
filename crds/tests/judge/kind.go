package main

import (
	"context"

	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// strategy is what the API server asks about an object before it stores it.
type strategy interface {
	updateStrategy
	PrepareForCreate(ctx context.Context, obj runtime.Object)
	Validate(ctx context.Context, obj runtime.Object) field.ErrorList
}

// updateStrategy is what it asks about one that is there already.
type updateStrategy interface {
	PrepareForUpdate(ctx context.Context, obj, old runtime.Object)
	ValidateUpdate(ctx context.Context, obj, old runtime.Object) field.ErrorList
}

// kind is one custom resource that would be served.
type kind struct {
	kind       string
	structural *structural.Structural
	strategy   strategy
	// status is the strategy of the subresource.
	status updateStrategy
}

// newKind reads a definition as the API server would store and serve it; faults are why it would not.
func newKind(text string) (name string, k *kind, faults []fault, err error) {
	var v1 apiextv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict([]byte(text), &v1); err != nil {
		return "", nil, nil, err
	}
	apiextv1.SetDefaults_CustomResourceDefinition(&v1)
	apiextv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
	v1.Status.StoredVersions = []string{v1.Spec.Versions[0].Name}
	var crd apiext.CustomResourceDefinition
	if err := apiextv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, &crd, nil); err != nil {
		return v1.Name, nil, nil, err
	}
	if faults = asFaults(crdvalidation.ValidateCustomResourceDefinition(context.TODO(), &crd)); len(faults) > 0 {
		return v1.Name, nil, faults, nil
	}

	version := v1.Spec.Versions[0]
	var props apiext.JSONSchemaProps
	if err := apiextv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return v1.Name, nil, nil, err
	}
	s, err := structural.NewStructural(&props)
	if err != nil {
		return v1.Name, nil, nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return v1.Name, nil, nil, err
	}
	status := props.Properties["status"]
	statusValidator, _, err := validation.NewSchemaValidator(&status)
	if err != nil {
		return v1.Name, nil, nil, err
	}
	var sub apiext.CustomResourceSubresources
	if err := apiextv1.Convert_v1_CustomResourceSubresources_To_apiextensions_CustomResourceSubresources(version.Subresources, &sub, nil); err != nil {
		return v1.Name, nil, nil, err
	}
	gvk := schema.GroupVersionKind{Group: v1.Spec.Group, Version: version.Name, Kind: v1.Spec.Names.Kind}
	strategy := customresource.NewStrategy(nil, v1.Spec.Scope == apiextv1.NamespaceScoped, gvk, validator, statusValidator,
		s, sub.Status, sub.Scale, version.SelectableFields)
	return v1.Name, &kind{
		kind:       gvk.Kind,
		structural: s,
		strategy:   strategy,
		status:     customresource.NewStatusStrategy(strategy),
	}, []fault{}, nil
}

func asFaults(list field.ErrorList) []fault {
	faults := []fault{}
	for _, e := range list {
		name := e.Field
		if name == "<nil>" {
			name = ""
		}
		faults = append(faults, fault{Field: name, Cause: string(e.Type), Detail: e.Detail})
	}
	return faults
}
