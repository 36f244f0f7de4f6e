package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// Answers are what a model that exists says. The zero value is none.
type Answers struct {
	name   string
	values map[string]any // of the fields that it sets
	text   []byte
}

// ReadAnswers reads the file of a model. An error is model.Faults.
func ReadAnswers(name string, text []byte) (Answers, error) {
	d := model.Parse(name, text)
	m, err := d.Model()
	answers := Answers{name, map[string]any{}, text}
	for _, f := range model.Fields(m) {
		if f.Key != "" && d.Has(f.Key) {
			answers.values[f.Key] = f.Default
		}
	}
	return answers, err
}

func (a Answers) has(key string) bool { return a.values[key] != nil }

// railsEnv is the environment of the model, or the default.
func (a Answers) railsEnv() string {
	env, _ := a.values["rails_env"].(string)
	return cmp.Or(env, model.Default().RailsEnv)
}

// notIn names the entries of a list that another has not.
func notIn(kept, found any) string {
	var have, all []json.RawMessage
	if json.Unmarshal(asJSON(kept), &have) != nil || json.Unmarshal(asJSON(found), &all) != nil {
		return "" // no lists
	}
	missing := slices.DeleteFunc(all, func(one json.RawMessage) bool {
		return slices.ContainsFunc(have, func(other json.RawMessage) bool { return bytes.Equal(one, other) })
	})
	if len(missing) == 0 {
		return ""
	}
	return "; not in this file: " + strings.Trim(string(asJSON(missing)), "[]")
}

// changes shows what is new beside the model that is updated.
func (a *Application) changes() {
	if a.asked.Answers.values == nil || a.Empty() {
		return
	}
	s := a.reading(a.asked.Answers.name, nil, byOther)
	for _, e := range a.entries() {
		for _, f := range a.sorted(e.key) {
			if a.asked.Answers.has(e.key) && f.kind == found && !same(f.value, e.value) {
				s.notes = append(s.notes, [2]string{s.name, e.key + " is kept: " + f.from + " differs: " + f.text + notIn(e.value, f.value)})
			}
		}
		field := regexp.MustCompile(`(?m)^(# )?(  )?(# )?` + path.Ext("." + e.key)[1:] + `:`) // in a comment or not
		if e.asks != "" && !field.Match(a.asked.Answers.text) {
			s.notes = append(s.notes, [2]string{s.name, "new question: " + strings.Join(e.said(), ". ")})
		}
	}
}
