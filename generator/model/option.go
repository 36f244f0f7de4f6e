package model

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/modules"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// options are those of the modules by MODULE.OPTION, or MODULE.OPTION.SUBOPTION.
var options = sync.OnceValue(func() map[string]argspec.Option {
	specs, err := modules.Specs()
	if err != nil {
		panic(err) // they are embedded
	}
	all := map[string]argspec.Option{}
	for _, s := range specs {
		addOptions(all, s.Module, s.Options)
	}
	return all
})

func addOptions(all map[string]argspec.Option, prefix string, options []argspec.Option) {
	for _, o := range options {
		all[prefix+"."+o.Name] = o
		addOptions(all, prefix+"."+o.Name, o.Suboptions)
	}
}

// texts are the descriptions of all options, in the role's words.
var texts = sync.OnceValue(func() map[string]string {
	variables := map[string]string{}
	for _, f := range fieldsOf(Default()) {
		variables[f.Option[strings.Index(f.Option, ".")+1:]] = f.Name
	}
	all := map[string]string{}
	for name, o := range options() {
		all[name] = inMarkdown(summary(o), variables)
	}
	return all
})

// Fields are all of them with the model's values, in the order in which they are shown.
func Fields(m Model) []Field { return completed(fieldsOf(m)) }

// completed takes from options what these say of fields.
func completed(fields []Field) []Field {
	all := slices.Clone(fields)
	for i := range all {
		f := &all[i]
		f.Fields = completed(f.Fields)
		o, known := options()[f.Option]
		if !known {
			continue
		}
		f.Type, f.Elements, f.Required, f.NoLog = o.Type, o.Elements, o.Required, o.NoLog
		for _, c := range o.Choices {
			f.Choices = append(f.Choices, fmt.Sprint(c))
		}
		if f.Description == "" {
			f.Description = texts()[f.Option]
		}
	}
	return all
}

var sentence = regexp.MustCompile(`^.*?\.(\s|$)`)

// summary is what an option means, and the first sentence about each of its choices.
func summary(o argspec.Option) string {
	paragraphs := slices.Clone(o.Description[:1])
	for _, p := range o.Description[1:] {
		if strings.HasPrefix(p, "V(") {
			paragraphs = append(paragraphs, strings.TrimSpace(sentence.FindString(p)))
		}
	}
	return strings.Join(paragraphs, " ")
}

// markup is Ansible's: O is an option, or OPTION=VALUE, and \ escapes a character.
var markup = regexp.MustCompile(`\b([A-Z]{1,2})\(((?:[^)\\]|\\.)*)\)`)

// inMarkdown has code in the place of Ansible's markup, and the role's variables in that of options.
func inMarkdown(text string, variables map[string]string) string {
	return markup.ReplaceAllStringFunc(text, func(found string) string {
		m := markup.FindStringSubmatch(found)
		code := strings.ReplaceAll(m[2], `\`, "")
		if m[1] == "O" {
			option, value, given := strings.Cut(code, "=")
			if variables[option] != "" {
				option = variables[option]
			}
			if code = option; given {
				code += ": " + value
			}
		}
		return "`" + code + "`"
	})
}
