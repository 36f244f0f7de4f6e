package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/template"
	"unicode"

	"gopkg.in/yaml.v3"

	project "github.com/curationexperts/ansible-sidekiq"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Templates use [[ ]], so that Jinja's {{ }} stays readable. Each is named like the file that it makes. MODULE, CORE or STAGE in
// a name makes one file for each module, version of ansible-core or stage.
//
//go:embed all:templates
var templates embed.FS

// view is what the templates see.
type view struct {
	Package
	Model     model.Model
	Variables []model.Field
	Modules   []*argspec.Spec
	Module    *argspec.Spec // of the file of a module
	Stage     string        // of the file of a stage
}

// Emit makes the text of a package, and the files that belong to the team once they exist. It is pure: the same model gives the
// same bytes.
func Emit(m model.Model, p Package) (made, error) {
	v, err := viewOf(m, p)
	if err != nil {
		return made{}, err
	}
	all := made{text: map[string][]byte{}, stubs: map[string][]byte{}}
	err = errors.Join(v.emitAll("role", all.text), v.emitAll(p.Layout, all.text))
	if p.Layout == "playbook" {
		err = errors.Join(err, v.emitAll("inventory", all.stubs))
	}
	return all, err
}

func viewOf(m model.Model, p Package) (view, error) {
	if err := m.Validate(); err != nil {
		return view{}, err
	}
	specs, err := modules.Specs()
	return view{Package: p, Model: m, Variables: model.Variables(m), Modules: specs}, err
}

// emitAll renders the templates of a directory.
func (v view) emitAll(root string, files map[string][]byte) error {
	return fs.WalkDir(templates, path.Join("templates", root), func(name string, d fs.DirEntry, err error) error {
		target := v.place(strings.TrimPrefix(name, "templates/"))
		if err != nil || d.IsDir() || target == "" {
			return err
		}
		return v.emit(files, name, target)
	})
}

func (v view) emit(files map[string][]byte, name, target string) error {
	var err error
	each := func(placeholder, value string) {
		err = errors.Join(err, v.render(files, name, strings.ReplaceAll(target, placeholder, value)))
	}
	switch base := path.Base(name); {
	case strings.Contains(base, "MODULE"):
		for _, v.Module = range v.Modules {
			each("MODULE", v.Module.Module)
		}
	case strings.Contains(base, "CORE"):
		for minor := oldestCore; minor <= newestCore; minor++ {
			each("CORE", fmt.Sprintf("2.%d", minor))
		}
	case strings.Contains(base, "STAGE"):
		for v.Stage = range v.Stages() {
			each("STAGE", v.Stage)
		}
	default:
		each("", "")
	}
	return err
}

func (v view) render(files map[string][]byte, name, target string) error {
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
	if err = t.Execute(&b, v); errors.As(err, &refused) {
		return nil, refused
	}
	return b.Bytes(), err
}

// refusal is an error of the model, shown without the place in the template.
type refusal string

func (r refusal) Error() string { return string(r) }

var functions = template.FuncMap{
	"yaml":      yamlValue,
	"document":  yamlDocument,
	"arguments": moduleArguments,
	"cell":      tableCell,
	"key":       yamlText,
	"ruby":      rubyText,
	"symbols":   rubySymbols,
	"notice":    func() string { return model.Notice },
	"license":   func() string { return string(project.License) },
	"changelog": func() string { return string(project.Changelog) },

	// for the reference
	"anchor":   anchor,
	"markdown": asMarkdown,
	"accepted": acceptedCell,
}

// yamlValue renders the value of a key: scalars and empty collections on its line, others below it, indented by n blanks.
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

// foldable reports whether a text is too long for the line of its key, and unchanged by a folded block.
func foldable(s string) bool {
	return len(s) > 50 && strings.Join(strings.Fields(s), " ") == s && !strings.HasPrefix(s, "#") && !strings.ContainsFunc(s, unicode.IsControl)
}

// yamlDocument renders a part of NAME.yml as a separate document.
func yamlDocument(n yaml.Node) (string, error) {
	text, err := yamlText(&n)
	if err != nil {
		return "", err
	}
	return wrapped(text, documentWidth)
}

// quoteForPython quotes plain text that is not text in YAML 1.1, which Ansible reads.
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
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

func indent(n int, text string) string {
	return lineStart.ReplaceAllString(text, strings.Repeat(" ", n)+"$0")
}

var lineStart = regexp.MustCompile(`(?m)^.`)

// tableCell renders a default for a Markdown table, a list on one line.
func tableCell(v any) (string, error) {
	if v == nil {
		return "unset", nil
	}
	var n yaml.Node
	if err := n.Encode(v); err != nil {
		return "", err
	}
	n.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&n)
	return "`" + strings.TrimSpace(strings.ReplaceAll(string(text), "|", `\|`)) + "`", err
}
