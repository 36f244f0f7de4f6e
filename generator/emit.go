package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Templates use [[ ]], so that Jinja's {{ }} stays readable in them. Each is named as the file that it makes; one with MODULE
// in its name makes a file per module, one with CORE a file per version of ansible-core.
//
//go:embed all:templates
var templates embed.FS

// view is what the templates see.
type view struct {
	Package
	Model     model.Model
	Variables []model.Field
	Modules   []*argspec.Spec
	Module    *argspec.Spec // in a file per module
	Version   string        // as Ansible's Galaxy accepts it
}

// Emit makes the text of a package, and the files with which a team begins. It is pure: the same model gives the same bytes.
func Emit(m model.Model, p Package) (made, error) {
	v, err := viewOf(m, p)
	if err != nil {
		return made{}, err
	}
	text, err := emitAll(v, p.sources, p.verbatim())
	if err != nil {
		return made{}, err
	}
	stubs, err := emitAll(v, p.stubs, map[string][]byte{})
	return made{text: text, stubs: stubs}, err
}

func emitAll(v view, sources map[string]func(string) string, files map[string][]byte) (map[string][]byte, error) {
	for root, place := range sources {
		err := fs.WalkDir(templates, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return emit(files, name, place(strings.TrimPrefix(name, root+"/")), v)
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func viewOf(m model.Model, p Package) (view, error) {
	if err := m.Validate(); err != nil {
		return view{}, err
	}
	specs, err := modules.Specs()
	return view{Package: p, Model: m, Variables: model.Variables(m), Modules: specs, Version: galaxyVersion(version)}, err
}

func emit(files map[string][]byte, name, target string, v view) error {
	switch base := path.Base(name); {
	case strings.Contains(base, "MODULE"):
		for _, spec := range v.Modules {
			v.Module = spec
			if err := render(files, name, strings.ReplaceAll(target, "MODULE", spec.Module), v); err != nil {
				return err
			}
		}
		return nil
	case strings.Contains(base, "CORE"):
		for minor := oldestCore; minor <= newestCore; minor++ {
			if err := render(files, name, strings.ReplaceAll(target, "CORE", fmt.Sprintf("2.%d", minor)), v); err != nil {
				return err
			}
		}
		return nil
	}
	return render(files, name, target, v)
}

func render(files map[string][]byte, name, target string, v view) error {
	made, err := filled(name, v)
	if err != nil {
		return err
	}
	if path.Ext(target) == ".yml" {
		lines, err := wrapped(string(made), fileWidth)
		if err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		made = []byte(lines)
	}
	if before, twice := files[target]; twice && !bytes.Equal(before, made) {
		return fmt.Errorf("%s: a file that all modules share differs between them", target)
	}
	files[target] = made
	return nil
}

// filled renders one template.
func filled(name string, v any) ([]byte, error) {
	text, err := templates.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(path.Base(name)).Delims("[[", "]]").Option("missingkey=error").Funcs(functions).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	var refused refusal
	switch err := t.Execute(&b, v); {
	case errors.As(err, &refused):
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// refusal is an error of a model in a template, which people see without the place in that.
type refusal string

func (r refusal) Error() string { return string(r) }

var functions = template.FuncMap{
	"yaml":      yamlValue,
	"document":  yamlDocument,
	"arguments": func(n int, s *argspec.Spec) (string, error) { return pythonArguments(n, moduleArguments(s)) },
	"cell":      tableCell,
	"key":       yamlText,
	"ruby":      rubyText,
	"symbols":   rubySymbols,
	"notice":    func() string { return model.Notice },

	// Of the reference.
	"anchor":   anchor,
	"markdown": asMarkdown,
	"accepted": acceptedCell,
}

// yamlValue renders a value behind its key: scalars and empty collections on the line, else indented by n blanks below it.
func yamlValue(n int, v any) (string, error) {
	if s, ok := v.(string); ok && foldable(s) {
		return " >-\n" + indent(n, s), nil
	}
	if line, err := model.OneLine(v); line != nil || err != nil {
		return " " + string(line), err
	}
	var node yaml.Node
	if err := node.Encode(v); err != nil {
		return "", err
	}
	quoteForPython(&node)
	text, err := yamlText(&node)
	if len(node.Content) == 0 {
		return " " + text, err
	}
	return "\n" + indent(n, text), err
}

// foldable is a text that is too long for the line of its key, and that a folded block gives back as it is.
func foldable(s string) bool {
	return len(s) > 50 && strings.Join(strings.Fields(s), " ") == s && !strings.HasPrefix(s, "#") && !strings.ContainsFunc(s, unicode.IsControl)
}

// yamlDocument renders a part of NAME.yml as a document of its own.
func yamlDocument(n yaml.Node) (string, error) {
	text, err := yamlText(&n)
	if err != nil {
		return "", err
	}
	return wrapped(text, documentWidth)
}

// quoteForPython quotes what is plain text to YAML's newer version, and something else to the older one that Ansible reads.
func quoteForPython(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && (n.Value == "=" || n.Value == "<<") {
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	}
	for _, below := range n.Content {
		quoteForPython(below)
	}
}

func yamlText(v any) (string, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func indent(n int, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, "\n")
}

// tableCell renders a default for a Markdown table.
func tableCell(v any) (string, error) {
	if v == nil {
		return "unset", nil
	}
	text, err := yaml.Marshal(flow(v))
	return "`" + strings.TrimSpace(strings.ReplaceAll(string(text), "|", `\|`)) + "`", err
}

// flow puts a list on one line.
func flow(v any) *yaml.Node {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		panic(err) // only our own values come here
	}
	n.Style = yaml.FlowStyle
	return n
}
