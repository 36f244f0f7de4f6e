package inspect

import (
	"regexp"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// Answers are what a model that exists says.
type Answers struct {
	name   string
	env    string
	values map[string]any  // of the fields that it sets
	fields map[string]bool // those that are in it, also as a comment
}

// ReadAnswers reads the file of a model. An error is model.Faults.
func ReadAnswers(name string, text []byte) (*Answers, error) {
	d := model.Parse(name, text)
	m, err := d.Model()
	if err != nil {
		return nil, err
	}
	answers := &Answers{name: name, env: m.RailsEnv, values: map[string]any{}, fields: fieldsOf(string(text))}
	for _, f := range model.Fields(m) {
		if f.Key != "" && d.Has(f.Key) {
			answers.values[f.Key] = f.Default
		}
	}
	return answers, nil
}

// RailsEnv is the environment of the model, or the default.
func (a *Answers) RailsEnv() string {
	if a == nil {
		return model.Default().RailsEnv
	}
	return a.env
}

// fieldLine is a line with a field, in a comment or not, as lines of a section are.
var fieldLine = regexp.MustCompile(`(?m)^(# )?(  )?(# )?([a-z_]+):`)

func fieldsOf(text string) map[string]bool {
	fields, group := map[string]bool{}, ""
	for _, m := range fieldLine.FindAllStringSubmatch(text, -1) {
		if m[2] == "" {
			group = m[4]
			fields[group] = true
		} else {
			fields[group+"."+m[4]] = true
		}
	}
	return fields
}

// changes shows what is new beside the model that is updated.
func (a *Application) changes() {
	if a.answers == nil || a.Empty() {
		return
	}
	s := a.reading(a.answers.name, nil, byOther)
	for _, e := range a.entries() {
		for _, text := range e.otherwise {
			s.notes = append(s.notes, [2]string{s.name, e.key + " is kept: " + text})
		}
		if e.question && !a.answers.fields[e.key] {
			s.notes = append(s.notes, [2]string{s.name, "new question: " + strings.Join(e.comments, " ")})
		}
	}
}
