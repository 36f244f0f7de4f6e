package model

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
)

// The file that editors load. UPDATE=1 writes it, as make generate does.
func TestCommittedSchemaIsThatOfTheFields(t *testing.T) {
	goldentest.File(t, "../"+SchemaFile, string(Schema()))
}

// Each field of the model's struct is one of Fields, and the other way round: a key that nobody reads would be a promise that nobody keeps.
func TestModelHasTheFieldsAndNoOthers(t *testing.T) {
	var known []string
	for _, f := range Fields(Default()) {
		if f.Key != "" {
			known = append(known, f.Key)
		}
		for _, nested := range f.Fields {
			known = append(known, f.Key+"[]."+nested.Key)
		}
	}
	require.ElementsMatch(t, keysOfStruct(reflect.TypeFor[Model](), ""), known)
}

func keysOfStruct(s reflect.Type, prefix string) (keys []string) {
	for i := range s.NumField() {
		key, _, _ := strings.Cut(s.Field(i).Tag.Get("json"), ",")
		switch f := s.Field(i).Type; {
		case f.Kind() == reflect.Struct:
			keys = append(keys, keysOfStruct(f, prefix+key+".")...)
		case f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct:
			keys = append(append(keys, prefix+key), keysOfStruct(f.Elem(), prefix+key+"[].")...)
		default:
			keys = append(keys, prefix+key)
		}
	}
	return keys
}

func TestDefaultModelIsAccepted(t *testing.T) {
	require.NoError(t, Default().Validate())
	for _, text := range []string{"", "---\n", "# nothing\n", "project: hyrax\n", "project:\nqueues: # none\n"} {
		m, err := Read(FileName, []byte(text))
		require.NoError(t, err, text)
		m.Project = ""
		require.Equal(t, Default(), m, text)
	}
}
