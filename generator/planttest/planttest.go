// Package planttest has an application with every file that `sidekiq-role init` reads, and puts Jinja expressions
// into it, for tests that none of them is evaluated.
package planttest

import (
	_ "embed"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed application.txtar
var application []byte

// Application returns the unchanged application.
func Application() fstest.MapFS {
	files := fstest.MapFS{}
	for _, f := range txtar.Parse(application).Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}

// Header begins a text whose first line changes Jinja's delimiters (JINJA2_OVERRIDE in lib/ansible/template of ansible-core).
const Header = "#jinja2:variable_start_string:'[%'"

// Expressions have every delimiter of Jinja, with and without characters that may split a text or be refused.
var Expressions = []string{"{{x}}", "{{ x }}", "{%x%}", "{#x#}", "{{lookup('pipe','x')}}", `{{ lookup("pipe", "x") }}`, "{{{", Header}

var word = regexp.MustCompile(`[A-Za-z0-9_./:@+-]+`)

// Words yields the application with an expression instead of or after a word of a file, in up to three ways for each
// word, which alternate between words. Then it yields the file with each expression in its name. The application has
// only that file and the gems, so that no other file takes precedence.
func Words(ways int) iter.Seq2[string, fstest.MapFS] {
	all := Application()
	return func(yield func(string, fstest.MapFS) bool) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			text := string(all[name].Data)
			for i, at := range word.FindAllStringIndex(text, -1) {
				for n := range ways {
					way := (i + n) % 3
					expression := Expressions[(3*i+way)%len(Expressions)]
					from := []int{at[0], at[1], at[0]}[way]
					planted := text[:from] + expression + text[at[1]:]
					if !yield(fmt.Sprintf("%s at %d: %s", name, from, expression), alone(all, name, name, planted)) {
						return
					}
				}
			}
			for _, expression := range Expressions {
				planted := named(name, expression)
				if !yield(planted, alone(all, name, planted, text)) {
					return
				}
			}
		}
	}
}

// named inserts an expression into the name of a file, before its suffix.
func named(name, expression string) string {
	dir, base := path.Split(name)
	stem, ending, _ := strings.Cut(base, ".")
	return dir + stem + "." + expression + "." + ending
}

const gems = "Gemfile.lock"

// alone returns one file of the application under a name, with the gems.
func alone(all fstest.MapFS, name, as, text string) fstest.MapFS {
	files := fstest.MapFS{gems: all[gems]}
	if name == gems || name == "gems.locked" { // which is read where the other is missing
		delete(files, gems)
	}
	files[as] = &fstest.MapFile{Data: []byte(text)}
	return files
}

// valueOfQuotedKey is a value in YAML. In the playbooks, variables have quoted keys, roles have not.
var valueOfQuotedKey = regexp.MustCompile(`("\w+": )"[^"\n]*"`)

var quoted = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'`)

// Texts yields the application with a command in every quoted text: of each file alone, and then of all files. The
// command runs if the text is evaluated as a template.
func Texts(command string) iter.Seq2[string, fstest.MapFS] {
	all := Application()
	return func(yield func(string, fstest.MapFS) bool) {
		together := fstest.MapFS{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			text := quoted.ReplaceAllStringFunc(string(all[name].Data), func(found string) string {
				inner, outer := `'`, found[:1]
				if outer == inner {
					inner = `"`
				}
				return found[:len(found)-1] + "{{lookup(" + inner + "pipe" + inner + "," + inner + command + inner + ")}}" + outer
			})
			together[name] = &fstest.MapFile{Data: []byte(text)}
			if text != string(all[name].Data) && !yield(name, alone(all, name, name, text)) {
				return
			}
			changed := `${1}"` + Header + `,variable_end_string:'%]'\n[%lookup('pipe','` + command + `')%]"`
			text = valueOfQuotedKey.ReplaceAllString(string(all[name].Data), changed)
			if text != string(all[name].Data) && !yield(name+" with other delimiters", alone(all, name, name, text)) {
				return
			}
		}
		yield("all files", together)
	}
}

// Questions records which files a program asks for.
type Questions struct {
	fs.FS
	Names, Patterns map[string]bool
}

// Asked returns files that record the paths that are read.
func Asked(files fs.FS) Questions {
	return Questions{files, map[string]bool{}, map[string]bool{}}
}

func (q Questions) Open(name string) (fs.File, error) {
	q.Names[name] = true
	return q.FS.Open(name)
}

// Glob records the pattern, not the directories that it searches.
func (q Questions) Glob(pattern string) ([]string, error) {
	q.Patterns[pattern] = true
	return fs.Glob(q.FS, pattern)
}
