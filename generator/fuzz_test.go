package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// nasty are texts that YAML, Jinja, Markdown or a shell could interpret.
var nasty = []string{
	"+1", "-0x1", "0b11", "1:1", "190:20:30.15", "1.", ".5", "+.inf", ".NaN", "y", "N", "On", "0777", "08", "+1e+3", "0x", "2001-12-14t21:59:43.10-05:00",
	"yes", "null", "~", "1e3", "0x1f", "0o17", "010", "12:30:45", "1_000", ".inf", "2024-01-01", "=", "<<", "*a", "&a", "!a", "%a", "@a", "`a`", "'a'", `"a"`, `a\b`,
	"a: b", "a #b", "# a", "- a", "{a", "[a", "a]", ">-", "|", "a|b", "é", "日本", "😀", "a\u00a0b", "a\u0085b", "a\u2028b", "\ufeffa", "a\tb", " a", "a ", "a  b",
	"{{ sidekiq_project }}", "{{ a", "{% a %}", "{# a #}", "${A}", "%h", "", strings.Repeat("word ", 30) + "end", strings.Repeat("x", 200), "a\nb", "a\x01b", "<!-- a -->",
}

// fitting are texts that some fields accept.
var fitting = []string{
	"hyrax", "a-b_c", "9lives", "null", "yes", "1e3", "0x1f", "sidekiq", "on", "007", "a.b", "no", "1.5", "y", "deploy", "_www", "off", "staging", "True", "7.10", "8.0.0.beta1", "6",
	"default", "ingest,2", "a:b", "#q", "é", "0002", "022", "0777", "1500M", "50%", "infinity", "auto", "25", "/opt/a b", "/srv/é", "{{ sidekiq_deploy_root }}/x", "/a#b", "/a: b",
	"-/opt/x", "/var/log/sidekiq.log", "redis://localhost:6379/1", "rediss://h", "unix:///run/redis.sock", "config/x.yml", "/bin/systemctl restart backup",
}

// allNasty is a model of all nasty texts that are accepted.
func allNasty(t *testing.T) []byte {
	t.Helper()
	variables := map[string]string{}
	for i, text := range nasty {
		with := maps.Clone(variables)
		with[fmt.Sprintf("A%d", i)] = text
		if _, err := model.Read(model.FileName, marshalled(map[string]any{"environment": with})); err == nil {
			variables = with
		}
	}
	require.Greater(t, len(variables), len(nasty)*3/4)
	return marshalled(map[string]any{"environment": variables})
}

func marshalled(v any) []byte {
	text, err := yaml.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// random returns random values of a model, without those that contradict others.
func random(r *rand.Rand) []byte {
	tree, text := map[string]any{}, []byte{}
	for _, f := range model.Fields(model.Default()) {
		if f.Key == "" || r.IntN(3) > 0 {
			continue
		}
		with := clone(tree)
		model.Put(with, f.Key, randomOf(r, f, f.Type))
		made := marshalled(with)
		if _, err := model.Read(model.FileName, made); err == nil {
			tree, text = with, made
		}
	}
	return text
}

func clone(tree map[string]any) map[string]any {
	text, err := json.Marshal(tree)
	if err != nil {
		panic(err)
	}
	same := map[string]any{}
	if err := json.Unmarshal(text, &same); err != nil {
		panic(err)
	}
	return same
}

func randomOf(r *rand.Rand, f model.Field, t argspec.Type) any {
	switch t {
	case argspec.Int:
		return f.Least + r.IntN(100)
	case argspec.Bool:
		return r.IntN(2) == 0
	case argspec.List:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, randomOf(r, f, f.Elements))
		}
		return list
	case argspec.Dict:
		m := map[string]any{}
		for _, nested := range f.Fields {
			m[nested.Key] = randomOf(r, nested, nested.Type)
		}
		for i := range 2 * r.IntN(3) {
			if f.Fields == nil {
				m[[]string{"A", "B_C", "Nice", "CPUWeight"}[i]] = nasty[r.IntN(len(nasty))]
			}
		}
		return m
	}
	if f.Choices != nil {
		return f.Choices[r.IntN(len(f.Choices))]
	}
	for range 50 {
		if text := fitting[r.IntN(len(fitting))]; f.Fits(text) && r.IntN(8) > 0 {
			return text
		}
	}
	return nasty[r.IntN(len(nasty))]
}

// emitsWhatItSays generates a package of a model and compares the defaults.
func emitsWhatItSays(t *testing.T, m model.Model) (defaults map[string]any) {
	t.Helper()
	want := map[string]any{}
	for _, v := range model.Variables(m) {
		want[v.Name] = v.Default
	}
	for name, text := range emittedFor(t, m) {
		if filepath.Ext(name) != ".yml" {
			continue
		}
		var content any
		require.NoError(t, yaml.Unmarshal(text, &content), "%s:\n%s", name, text)
		if strings.HasSuffix(name, "defaults/main.yml") {
			defaults = content.(map[string]any)
		}
	}
	require.JSONEq(t, asJSON(t, want), asJSON(t, defaults))
	return want
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// Any file is refused with a located fault, or generates YAML with the values of the model.
func FuzzModel(f *testing.F) {
	for _, file := range []string{"project", "processes", "samvera"} {
		archive, err := txtar.ParseFile("testdata/golden/" + file + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	for _, text := range nasty {
		f.Add([]byte("environment:\n  A: '" + text + "'\n  B: " + text + "\nproject: " + text + "\nredis: {namespace: \"" + text + "\"}\n"))
	}
	f.Add([]byte("a: &a [*a]\nb: {<<: {}}\n? [x]\n: y\n"))
	f.Add([]byte("a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := model.Read(model.FileName, text)
		if err != nil {
			require.Regexp(t, `^sidekiq-role.yml:\d+:\d+: `, err.Error())
			return
		}
		emitsWhatItSays(t, m)
	})
}

// readByPython reads the defaults of roles with PyYAML, as Ansible does.
func readByPython(t *testing.T, files []string) []any {
	t.Helper()
	python := filepath.Join(ansibletest.Bin(t), "python3")
	command := exec.Command(python, append([]string{"-c", "import json, sys, yaml\nprint(json.dumps([yaml.safe_load(open(f, encoding='utf-8')) for f in sys.argv[1:]]))"}, files...)...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	var all []any
	require.NoError(t, json.Unmarshal(out, &all))
	return all
}

// Ansible accepts the YAML of random models, and the role's argument_specs accept the defaults.
func TestEmit_RandomModels(t *testing.T) {
	t.Parallel()
	samples := testenv.Rounds(8)
	r, dir := rand.New(rand.NewPCG(8, 15)), t.TempDir()
	var plays strings.Builder
	var files []string
	var wants []any
	for i := range samples {
		text := random(r)
		if i == 0 {
			text = allNasty(t)
		}
		m, err := model.Read(model.FileName, text)
		require.NoError(t, err)
		m.Project = cmp.Or(m.Project, "hyrax")
		wants = append(wants, emitsWhatItSays(t, m))
		role := fmt.Sprintf("role%d", i)
		_, err = generate(m, Package{"role", "none"}, filepath.Join(dir, "roles", role))
		require.NoError(t, err)
		files = append(files, filepath.Join(dir, "roles", role, "defaults/main.yml"))
		fmt.Fprintf(&plays, "- name: %s\n%s", role, validatingPlay(role, "roles/"+role))
	}
	require.JSONEq(t, asJSON(t, wants), asJSON(t, readByPython(t, files)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "all.yml"), []byte(plays.String()), 0o600))
	out, err := installed{bin: ansibletest.Bin(t)}.run(t, dir, "ansible-playbook", "--tags", "always", "-c", "local", "-i", "localhost,", "all.yml")
	require.NoError(t, err, out)
	require.Equal(t, samples, strings.Count(out, validatingTask), out)
}
