package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
)

const teamInventory = `all:
  children:
    workers: {hosts: {w2: , w1: }}
    db: {hosts: {d1: }}
    web: {children: {edge: {hosts: {x1: }}}}
`

const teamPlaybook = `- name: "Web (all): servers"
  hosts: web
  gather_facts: false
  tasks: [{name: "x\tTAGS: [sidekiq]", debug: }]
- name: Sidekiq
  hosts: workers:!w9
  serial: 1
  vars_prompt: [{name: secret, prompt: is not asked}]
  tasks: [{debug: , tags: [b, sidekiq]}, {debug: }]
- hosts: nosuch
  tasks: [{debug: , tags: sidekiq}]
- hosts: db
  tasks: [{debug: , tags: [always]}]
- {name: "two\nlines\n", hosts: [w1, "web"], tasks: [{debug: , tags: sidekiq}]}
- {name: "two\n\n  lines", hosts: edge, tasks: [{debug: , tags: nginx}]}
`

func TestPlays_RealAnsible(t *testing.T) {
	for _, bin := range ansibletest.Cores(t) {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			home := ansibletest.Use(t, bin)
			inventory, file := filepath.Join(home, "hosts.yml"), filepath.Join(home, "site.yml")
			require.NoError(t, os.WriteFile(inventory, []byte(teamInventory), 0o600))
			require.NoError(t, os.WriteFile(file, []byte(teamPlaybook), 0o600))
			cmd := playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks(file), playbook.WithPlaybookOptions(&playbook.AnsiblePlaybookOptions{Tags: Tag}))
			run := Run{Playbook: cmd, Extra: []string{"--inventory=" + inventory}}
			plays, warnings, status, err := run.Plays(t.Context())
			require.NoError(t, err)
			require.Equal(t, 0, status, warnings)
			all := []Play{
				{"Sidekiq", "workers:!w9", []string{"w1", "w2"}, true},
				{"nosuch", "nosuch", []string{}, true},
				{"db", "db", []string{"d1"}, false},
				{"two lines", "w1,web", []string{"w1", "x1"}, true},
			}
			require.Equal(t, all, plays)
			require.Contains(t, warnings, "Could not match supplied host pattern, ignoring: nosuch")
			require.Equal(t, []string{"db", "edge", "web", "workers"}, Groups(t.Context(), []string{inventory}))
			require.Empty(t, Groups(t.Context(), []string{"w1,"}))

			second := filepath.Join(home, "second.yml")
			require.NoError(t, os.WriteFile(second, []byte("- {hosts: w2, tasks: [{debug: , tags: always}]}\n"), 0o600))
			extra := run.Extra
			run.Extra = append([]string{second, "--tags", "nginx"}, extra...)
			plays, _, _, err = run.Plays(t.Context())
			require.NoError(t, err)
			require.Equal(t, append(all, Play{"two lines", "edge", []string{"x1"}, false}, Play{"w2", "w2", []string{"w2"}, false}), plays, "all that would run")

			run.Extra = append(extra, "--limit", "w2")
			plays, _, _, err = run.Plays(t.Context())
			require.NoError(t, err)
			require.Equal(t, []string{"w2"}, plays[0].Hosts)

			for option, want := range map[string]int{"--nonsense": 2, "--inventory=missing.yml": 1} {
				run.Extra = []string{option}
				_, warnings, status, err = run.Plays(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, status)
				require.Contains(t, warnings, strings.TrimPrefix(option, "--inventory="))
			}
		})
	}
}

// A name that imitates the list hides no play.
func TestPlays_RefusesUnclearList(t *testing.T) {
	const block = "\n  play #1 (a): A\tTAGS: []\n    pattern: ['a']\n    hosts (1):\n      a\n    tasks:\n      t\tTAGS: []\n"
	plays, err := playsOf("\nplaybook: x\n" + block)
	require.NoError(t, err)
	require.Len(t, plays, 1)
	for _, list := range []string{
		strings.Replace(block, "A", "A\n  play #2 (b): B", 1),
		strings.Replace(block, "A", "A\tTAGS: []\n    pattern: ['b']\n    hosts (0):\n    tasks:\n", 1),
		strings.Replace(block, "t\t", "t\tTAGS: []\n    pattern: ['b']\n    hosts (0):\n    tasks:\n\t", 1),
		strings.Replace(block, "t\t", "t\n  play #2 (b)", 1),
		strings.Replace(block, "(1)", "(2)", 1),
		strings.Replace(block, "tasks:", "", 1),
	} {
		_, err := playsOf(list)
		require.ErrorContains(t, err, "cannot be read", list)
	}
}

func TestPlay_Describe(t *testing.T) {
	for want, p := range map[string]Play{
		"P (workers): 2 hosts, 1 at a time\n  a, b\n": {"P", "workers", []string{"a", "b"}, true},
		"P (a:!b): 1 host, 1 at a time\n  a\n":        {"P", "a:!b", []string{"a"}, true},
		"P (nosuch): 0 hosts, 1 at a time\n":          {"P", "nosuch", []string{}, true},
	} {
		require.Equal(t, want, p.Describe(", 1 at a time"))
	}
}
