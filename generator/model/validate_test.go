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

// A password never stands in a model; where it comes from may.
func TestPasswordsOfAddresses(t *testing.T) {
	for text, accepted := range map[string]bool{
		`redis: {url: "redis://redis.example.org:6379/1"}`:                             true,
		`redis: {url: "redis://{{ redis_host }}:{{ redis_port }}/1"}`:                  true,
		`redis: {url: "rediss://:{{ vault_redis_password }}@redis.example.org"}`:       true,
		`redis: {url: "redis://:hunter2@redis.example.org"}`:                           false,
		`redis: {url: "redis://:hunter2{{ x }}@redis.example.org"}`:                    false,
		`environment: {SOLR_URL: "http://solr:8983/solr"}`:                             true,
		`environment: {SOLR_URL: "http://u:hunter2@solr:8983/solr"}`:                   false,
		`environment: {DATABASE_URL: "mysql2://u:{{ vault_database_password }}@db/x"}`: false, // it would stand in the unit
		`environment: {SECRET_KEY_BASE: "{{ vault_secret }}"}`:                         false,
		`environment: {TOKENIZER: simple, PASSENGER: "1"}`:                             true,
	} {
		_, err := Read(FileName, []byte(text))
		require.Equal(t, accepted, err == nil, "%s: %v", text, err)
		if err != nil {
			require.NotContains(t, err.Error(), "hunter2")
		}
	}
}
