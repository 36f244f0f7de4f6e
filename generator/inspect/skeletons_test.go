package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// skeleton is an application in the shape of a real one, with the model that an expert writes for it. Its archive has
// the application's files, then these sections:
//
//   - expert.yml: the model, as far as it differs from the defaults
//   - questions: the keys that init has to ask about, one a line, each with the proposal that it has to make, if any
//   - expect: regular expressions of what the file or the terminal has to contain; "also: KEY" permits a value that the
//     expert leaves out, and "refused: REGEXP" is for TestInit_Skeletons of the package main
//
// A line "dir: DIR" above the files names the directory of the application.
type skeleton struct {
	files     fs.FS
	expert    model.Model
	stated    map[string]any // the fields that expert.yml has, by their keys
	questions map[string]any // the keys, with the proposals; nil: any
	also      []string
	expect    []*regexp.Regexp
}

func readSkeleton(t *testing.T, file string) skeleton {
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	s := skeleton{questions: map[string]any{}}
	all, sections := fstest.MapFS{}, map[string][]byte{}
	for _, f := range archive.Files {
		if len(sections) > 0 || f.Name == "expert.yml" {
			sections[f.Name] = f.Data
		} else {
			all[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	require.Equal(t, []string{"expect", "expert.yml", "questions"}, slices.Sorted(maps.Keys(sections)))
	require.Contains(t, string(txtar.Format(archive)), "hunter2", "each has a secret")
	s.expert, err = model.Read("expert.yml", sections["expert.yml"])
	require.NoError(t, err)
	s.stated = fieldsOf(t, sections["expert.yml"])
	for line := range strings.Lines(string(sections["questions"])) {
		key, proposal, _ := strings.Cut(strings.TrimSpace(line), " ")
		fieldOf(key)
		var value any
		require.NoError(t, yaml.Unmarshal([]byte(proposal), &value), line)
		s.questions[key] = value
		require.Empty(t, fault(map[string]any{key: value}), "the proposal for %s", key)
		if stated, is := s.stated[key]; is && value != nil {
			require.True(t, holdsAll(meaning(s.expert, key, stated), meaning(s.expert, key, value)), "the expert has another %s", key)
		}
	}
	for line := range strings.Lines(string(sections["expect"])) {
		line = strings.TrimSpace(line)
		if key, is := strings.CutPrefix(line, "also: "); is {
			fieldOf(key)
			s.also = append(s.also, key)
		} else if !strings.HasPrefix(line, "refused: ") {
			s.expect = append(s.expect, regexp.MustCompile(line))
		}
	}
	dir := "."
	if m := regexp.MustCompile(`(?m)^dir: (.+)$`).FindSubmatch(archive.Comment); m != nil {
		dir = string(m[1])
	}
	s.files, err = fs.Sub(all, dir)
	require.NoError(t, err)
	return s
}

// fieldsOf are the values in a YAML document by the keys of the model's fields.
func fieldsOf(t *testing.T, text []byte) map[string]any {
	tree, fields := map[string]any{}, map[string]any{}
	require.NoError(t, yaml.Unmarshal(text, &tree), "%s", text)
	for _, f := range model.Fields(model.Default()) {
		group, key, nested := strings.Cut(f.Key, ".")
		value, has := tree[group]
		if below, is := value.(map[string]any); nested {
			value, has = below[key], is && below[key] != nil
		}
		if f.Key != "" && has && value != nil {
			fields[f.Key] = value
		}
	}
	return fields
}

// meaning makes equal values equal that are written in different ways: it evaluates Jinja, sorts servers, and leaves
// the default out of the writable paths.
func meaning(m model.Model, key string, value any) any {
	m.Project = cmp.Or(m.Project, "PROJECT")
	m.DeployRoot = cmp.Or(m.DeployRoot, "/opt/{{ sidekiq_project }}")
	variables := strings.NewReplacer("{{ project_name }}", m.Project, "{{ sidekiq_project }}", m.Project,
		"{{ sidekiq_deploy_root }}", m.DeployRoot, "{{ sidekiq_deploy_user }}", m.DeployUser, "{{ sidekiq_rails_env }}", m.RailsEnv)
	var plain any
	if err := json.Unmarshal([]byte(variables.Replace(variables.Replace(string(asJSON(value))))), &plain); err != nil {
		panic(err) // asJSON has written it
	}
	list, is := plain.([]any)
	if !is || key != "hardening.read_write_paths" && key != "playbook.servers" {
		return plain
	}
	var all []string
	for _, e := range list {
		text, isText := e.(string)
		if !isText {
			text = string(asJSON(e))
		}
		all = append(all, strings.TrimPrefix(text, "-"))
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(e string) bool { return slices.Contains(model.Default().Hardening.ReadWritePaths, "-"+e) })
}

// ofModel is the value that a field has in a model.
func ofModel(m model.Model, key string) any {
	for _, f := range model.Fields(m) {
		if f.Key == key {
			return f.Default
		}
	}
	panic(key + " is no field")
}

// holdsAll reports whether a value has all that another has; a mapping may have more keys.
func holdsAll(value, wanted any) bool {
	switch w := wanted.(type) {
	case map[string]any:
		v, is := value.(map[string]any)
		for key := range w {
			is = is && holdsAll(v[key], w[key])
		}
		return is
	case []any:
		v, is := value.([]any)
		return is && slices.EqualFunc(v, w, holdsAll)
	}
	return fmt.Sprint(value) == fmt.Sprint(wanted)
}

func TestHoldsAll(t *testing.T) {
	list := func(maps ...any) any { return maps }
	both := map[string]any{"name": "a", "config": "b"}
	require.True(t, holdsAll(list(both), list(map[string]any{"name": "a"})))
	require.False(t, holdsAll(list(both, both), list(map[string]any{"name": "a"})))
	require.False(t, holdsAll(list(map[string]any{"name": "a"}), list(both)))
	require.False(t, holdsAll("a", list()))
	require.True(t, holdsAll("1", 1))
}

var sentenceAsks = regexp.MustCompile(`\?(\s|$)`)

// proposals are the commented fields below a comment with a question, by their keys.
func proposals(t *testing.T, text string) map[string]any {
	lines, all := strings.Split(text, "\n"), map[string]any{}
	for _, field := range fieldsInComments(text) {
		at := slices.Sorted(maps.Keys(field))
		var written []string
		for _, i := range at {
			written = append(written, field[i])
		}
		group, asks := "", false
		for i := at[0] - 1; i > 0 && strings.TrimSpace(lines[i]) != ""; i-- {
			line := lines[i]
			if strings.HasSuffix(line, ":") && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				group = line + "\n"
				break
			}
			asks = asks || sentenceAsks.MatchString(line)
		}
		for key, value := range fieldsOf(t, []byte(group+strings.Join(written, "\n"))) {
			if asks {
				all[key] = value
			}
		}
	}
	return all
}

func TestProposals(t *testing.T) {
	require.Equal(t, map[string]any{"project": "a", "redis.url": "redis://b", "ruby.manager": "rbenv", "processes": []any{map[string]any{"name": "c"}}},
		proposals(t, "\n\n# What? Say.\n# project: a\n\n# words\n# deploy_user: b\n\n# Is it?\n# redis:\n#   url: redis://b\n\nruby:\n  # is it?\n  # manager: rbenv\n\n# One?\n# processes:\n#   - name: c\n"))
}

// counts are the figures of a skeleton.
type counts struct{ live, asked, missed int }

// UPDATE=1 writes testdata/skeletons/counts.txt, and nothing of what the archives expect.
func TestLook_Skeletons(t *testing.T) {
	names, err := filepath.Glob("testdata/skeletons/*.txtar")
	require.NoError(t, err)
	require.Len(t, names, 14)
	table, sum := fmt.Sprintf("%-22s %4s  %9s  %6s\n", "skeleton", "live", "questions", "missed"), counts{}
	row := func(name string, c counts) {
		table += fmt.Sprintf("%-22s %4d  %9d  %6d\n", name, c.live, c.asked, c.missed)
	}
	for _, file := range names {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			c := readSkeleton(t, file).test(t)
			row(name, c)
			sum = counts{sum.live + c.live, sum.asked + c.asked, sum.missed + c.missed}
		})
	}
	row("all", sum)
	t.Log("\n" + table)
	goldentest.File(t, "testdata/skeletons/counts.txt", table)
}

// test compares the file of init with what the expert writes. It reports all differences, each with the key.
func (s skeleton) test(t *testing.T) (c counts) {
	a := Look(s.files, Options{})
	text := a.Text(schemaURL)
	var shown bytes.Buffer
	require.NoError(t, a.Tell(&shown))
	require.NotContains(t, string(text)+shown.String(), "hunter2", "a secret")
	require.Equal(t, string(text), string(Look(s.files, Options{}).Text(schemaURL)), "the same each time")
	told := wrapped.ReplaceAllString(string(text), " ") + shown.String()
	for _, expected := range s.expect {
		if !expected.MatchString(told) {
			t.Errorf("neither the file nor the terminal has %q", expected)
		}
	}

	m, live := accepts(t, text), fieldsOf(t, text)
	for _, key := range slices.Sorted(maps.Keys(live)) {
		s.compareLive(t, m, key)
	}
	asked, proposed := askedIn(a), proposals(t, string(text))
	for _, key := range asked {
		s.compareProposal(t, key, proposed)
	}
	if len(asked) > 0 {
		require.Contains(t, a.QuestionsLeft(), plural(len(asked), "question"))
	}
	for _, key := range slices.Sorted(maps.Keys(s.questions)) {
		if !slices.Contains(asked, key) {
			t.Errorf("%s: the question is missing", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.stated)) {
		if _, is := live[key]; !is && !slices.Contains(asked, key) {
			c.missed++
			t.Errorf("%s: neither live nor asked; the expert writes %s", key, asJSON(s.stated[key]))
		}
	}
	c.live, c.asked = len(live), len(asked)
	return c
}

// wrapped is where a comment goes on in its next line.
var wrapped = regexp.MustCompile(`\n *# `)

// compareLive compares a value of the file with that of the expert, who leaves the default out.
func (s skeleton) compareLive(t *testing.T, m model.Model, key string) {
	_, stated := s.stated[key]
	_, asks := s.questions[key]
	if slices.Contains(s.also, key) || asks && !stated {
		return // the latter is reported as a question that is missing
	}
	value, want := meaning(m, key, ofModel(m, key)), meaning(s.expert, key, ofModel(s.expert, key))
	if !reflect.DeepEqual(value, want) {
		t.Errorf("%s: the live value is %s; the expert has %s", key, asJSON(value), asJSON(want))
	}
}

// compareProposal compares what a question proposes with what it has to propose.
func (s skeleton) compareProposal(t *testing.T, key string, proposed map[string]any) {
	want, expected := s.questions[key]
	value, has := proposed[key]
	switch {
	case !expected:
		t.Errorf("%s: the question is superfluous", key)
	case !has:
		t.Errorf("%s: no commented field below a comment with a question", key)
	case want != nil && !holdsAll(meaning(s.expert, key, value), meaning(s.expert, key, want)):
		t.Errorf("%s: the proposal is %s, and has to be %s", key, asJSON(value), asJSON(want))
	}
}

// askedIn are the keys that an application asks about.
func askedIn(a *Application) (keys []string) {
	for _, e := range a.entries() {
		if e.asks != "" {
			keys = append(keys, e.key)
		}
	}
	return keys
}
