package main

import (
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// validator is Python's library for JSON Schema: of the schema in its first argument, what does it accept of the list on standard input?
const validator = `import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
judge = jsonschema.Draft7Validator(schema)
print(json.dumps([judge.is_valid(document) for document in json.load(sys.stdin)]))`

// An editor judges by the published schema with a library of its own. It marks nothing that is accepted here, and most of what is refused.
func TestAnotherValidatorAgreesWithThePublishedSchema(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 8))
	var documents []map[string]any
	var accepted []bool
	for _, f := range model.Fields(model.Default()) {
		for range 20 {
			if f.Key == "" {
				continue
			}
			document := map[string]any{}
			model.Put(document, f.Key, randomOf(r, f, f.Type))
			if r.IntN(8) == 0 {
				model.Put(document, f.Key+"x", 1)
			}
			_, err := model.Read(model.FileName, marshalled(document))
			documents, accepted = append(documents, document), append(accepted, err == nil)
		}
	}
	python := exec.Command(filepath.Join(ansibletest.Bin(t), "python3"), "-c", validator, model.SchemaFile)
	python.Stdin = strings.NewReader(asJSON(t, documents))
	out, err := python.Output()
	require.NoError(t, err)
	var valid []bool
	require.NoError(t, json.Unmarshal(out, &valid))
	marked, refused := 0, 0
	for i := range documents {
		require.True(t, valid[i] || !accepted[i], "%v is accepted, and marked in editors", documents[i])
		if !accepted[i] {
			refused++
		}
		if !valid[i] {
			marked++
		}
	}
	require.Greater(t, marked, refused/2, "of %d documents %d are refused", len(documents), refused)
}
