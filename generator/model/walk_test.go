package model

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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

// A field that is no template takes no Jinja, whatever its pattern; one that is takes expressions alone.
func TestTemplates(t *testing.T) {
	templates := map[string]bool{}
	for _, f := range Fields(Default()) {
		for _, text := range []string{"{{x}}", "/{{x}}", "/var/log/{{x}}", "redis://{{x}}", "/bin/{{x}} a"} {
			for _, value := range []any{text, []any{text}, map[string]any{"Nice": text}} {
				tree := map[string]any{}
				if f.Key == "" || strings.HasPrefix(f.Key, "processes") {
					continue
				}
				Put(tree, f.Key, value)
				if _, err := readTree(t, tree); err == nil {
					templates[f.Key] = true
				}
			}
		}
		require.Equal(t, f.Template, templates[f.Key], f.Key)
	}
	for text, fault := range map[string]string{
		"queues: ['{{x}}']":                           `m:1:10: queues[0]: "{{x}}" is Jinja, which this field does not accept; hint: set its variable in group_vars`,
		"processes: [{name: a, queues: ['a{{x}}']}]":  `m:1:32: processes[0].queues[0]: "{{x}}" is Jinja, which this field does not accept; hint: set its variable in group_vars`,
		"processes: [{name: a, config: '/a/{{x}}'}]":  "",
		"database: {names: ['{{x}}']}":                `m:1:20: database.names[0]: "{{x}}" is Jinja, which this field does not accept; hint: set its variable in group_vars`,
		"database: {names: ['{%x%}']}":                `m:1:20: database.names[0]: "{%" is Jinja's; accepted: expressions such as {{ sidekiq_project }}; hint: set it in group_vars, where Ansible reads more`,
		"deploy_root: '/{% if x %}a'":                 `m:1:14: deploy_root: "{%" is Jinja's; accepted: expressions such as {{ sidekiq_project }}; hint: set it in group_vars, where Ansible reads more`,
		"hardening: {read_write_paths: ['-{{x}}/a']}": "",
	} {
		_, err := Read("m", []byte(text))
		if fault == "" {
			require.NoError(t, err, text)
			continue
		}
		require.EqualError(t, err, fault, text)
	}
}

// ansible-core 2.15 to 2.19 takes other delimiters from the first line of a text, also where there are no braces.
func TestTexts_RefuseJinjaHeader(t *testing.T) {
	const header = "#jinja2: variable_start_string:'[%', variable_end_string:'%]'\n[% lookup('pipe', 'x') %]"
	for _, f := range Fields(Default()) {
		for _, text := range []string{header, " #JINJA2:", "#jinja2:x"} {
			for _, value := range []any{text, []any{text}, map[string]any{"Nice": text}, map[string]any{"A": text}} {
				if f.Key == "" {
					continue
				}
				tree := map[string]any{}
				Put(tree, f.Key, value)
				_, err := readTree(t, tree)
				require.Error(t, err, "%s: %v", f.Key, value)
			}
		}
	}
	_, err := Read("m", []byte("environment: {A: '#jinja2: x'}"))
	require.EqualError(t, err, `m:1:18: environment.A: begins with "#jinja2:", which changes Ansible's Jinja delimiters; hint: set its variable in group_vars`)
}

func TestEnvironment_RefusesLineBreaks(t *testing.T) {
	_, err := Read("m", []byte(`environment: {A: "a\nb"}`))
	require.EqualError(t, err, `m:1:18: environment.A: has more than one line`)
}

// readTree reads a model that is written as JSON.
func readTree(t *testing.T, tree map[string]any) (Model, error) {
	t.Helper()
	text, err := exactly(tree)
	require.NoError(t, err)
	return Read("m", text)
}

func TestServers_NamesOfGroups(t *testing.T) {
	for text, want := range map[string]string{
		"{host: workers, stage: qa}":                   `playbook.servers[0].host: "workers" is the name of a group as well; hint: write the full name of the host`,
		"{host: qa, stage: qa}":                        `playbook.servers[0].host: "qa" is the name of a group as well; hint: write the full name of the host`,
		"{host: a, stage: b}, {host: b, stage: c}":     `playbook.servers[1].host: "b" is the name of a group as well; hint: write the full name of the host`,
		"{host: all, stage: qa}":                       `playbook.servers[0].host: "all" is a group of every inventory; hint: name the host`,
		"{host: a, stage: qa, port: 99999}":            `playbook.servers[0].port: 99999 is not accepted; accepted: a port, at most 65535`,
		"{host: a, stage: workers}":                    `playbook.servers[0].stage: "workers" is the group of all hosts as well; hint: change playbook.hosts`,
		"{host: a, stage: qa}, {host: a, stage: b}":    `playbook.servers[1].host: "a" is in the stage "qa" as well`,
		"{host: qa.example.org, stage: qa, port: 222}": "",
	} {
		_, err := Read("m", []byte("playbook: {servers: ["+text+"]}"))
		if want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
}

func TestCollection_ReservedNames(t *testing.T) {
	for _, text := range []string{"namespace: import", "name: class", "namespace: ansible"} {
		_, err := Read("m", []byte("collection: {"+text+"}"))
		require.ErrorContains(t, err, "is reserved by Python or Ansible", text)
	}
	_, err := Read("m", []byte("collection: {namespace: acme, name: jobs}"))
	require.NoError(t, err)
}

func TestDirectives_RefuseSecrets(t *testing.T) {
	for _, value := range []string{"DB_PASSWORD=hunter2", `"A=b" "API_KEY=hunter2"`, "password=hunter2", "URL=redis://:hunter2@h/0"} {
		_, err := Read("m", []byte("extra_directives: {Environment: '"+value+"'}"))
		require.ErrorContains(t, err, "may have a secret", value)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err := Read("m", []byte("extra_directives: {Environment: TZ=UTC, CPUWeight: 50}"))
	require.NoError(t, err)
}

func TestDirectives_Lists(t *testing.T) {
	m, err := Read("m", []byte("extra_directives: {ExecStartPre: [/bin/a, /bin/b], Nice: 5}\nunit_directives: {OnFailure: [a@%n.service]}"))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"ExecStartPre": []any{"/bin/a", "/bin/b"}, "Nice": "5"}, m.ExtraDirectives)
	for text, want := range map[string]string{
		"extra_directives: {ExecStartPre: [[a]]}":              "extra_directives.ExecStartPre[0]: a list is not accepted",
		"extra_directives: {Environment: [A=b, API_KEY=x9]}":   "extra_directives.Environment[1]: may have a secret",
		"environment: {A: [b]}":                                "environment.A: a list is not accepted",
		"unit_directives: {OnFailure: ['{% x %}', a.service]}": "unit_directives.OnFailure[0]: ",
	} {
		_, err := Read("m", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
}
