package watch

import (
	"bytes"
	"os"
	"path/filepath"
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
			var errs bytes.Buffer
			plays, status, err := run.Plays(t.Context(), &errs)
			require.NoError(t, err)
			require.Equal(t, 0, status, errs.String())
			require.Equal(t, []Play{{"Sidekiq", "workers:!w9", []string{"w1", "w2"}}, {"nosuch", "nosuch", []string{}}}, plays)

			run.Extra = append(run.Extra, "--limit", "w2")
			plays, _, err = run.Plays(t.Context(), &errs)
			require.NoError(t, err)
			require.Equal(t, []string{"w2"}, plays[0].Hosts)

			run.Extra = []string{"--nonsense"}
			_, status, err = run.Plays(t.Context(), &errs)
			require.NoError(t, err)
			require.Equal(t, 2, status)
			require.Contains(t, errs.String(), "--nonsense")
		})
	}
}

func TestPlay_Describe(t *testing.T) {
	for want, p := range map[string]Play{
		"P (workers): 2 hosts, 1 at a time\n  a, b\n": {"P", "workers", []string{"a", "b"}},
		"P (a:!b): 1 host, 1 at a time\n  a\n":        {"P", "a:!b", []string{"a"}},
		"P (nosuch): 0 hosts, 1 at a time\n":          {"P", "nosuch", []string{}},
	} {
		require.Equal(t, want, p.Describe(", 1 at a time"))
	}
}
