package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

func applyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply {--inventory I | --host HOST} [-- ansible-playbook options]",
		Short: "Run the role against hosts, and prove that Sidekiq runs there",
		Long: `apply generates the role into a temporary folder and runs it with ansible-playbook. It shows what each host does, and at the end
for each host the proof: Sidekiq's main process with its heartbeat in Redis, the deploy user's restart by sudo without a
password, and the size of the database pool. What could not be seen is said as unknown.

Everything after -- goes to ansible-playbook as it is typed.

Exit status:
  0  all is well
  1  nothing was run; the error says why
  2  a host failed, or ansible-playbook does not accept an option
  4  a host could not be reached, or a file could not be parsed
Any other is ansible-playbook's own.`,
		Example: `  sidekiq-role apply --inventory hosts.yml --project hyrax --check --diff
  sidekiq-role apply --host worker1.example.org --project hyrax -- --user ubuntu`,
	}
	t := targetFlags(cmd)
	check := cmd.Flags().BoolP("check", "C", false, "change nothing, tell what would change")
	diff := cmd.Flags().BoolP("diff", "D", false, "show differences")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, o, err := t.read(cmd, args)
		if err != nil {
			return err
		}
		o.Check, o.Diff = *check, *diff
		outcome, err := apply(cmd, m, o, args, false)
		if err != nil {
			return err
		}
		return statusError(outcome.Status)
	}
	return cmd
}

// target is what apply and verify have in common: the role and the hosts.
type target struct {
	modelOf   func() (model.Model, error)
	inventory string
	hosts     []string
}

func targetFlags(cmd *cobra.Command) *target {
	t := &target{modelOf: modelFlags(cmd)}
	cmd.Flags().StringVarP(&t.inventory, "inventory", "i", "", "`INVENTORY` of hosts: a file, a folder or a script")
	cmd.Flags().StringSliceVar(&t.hosts, "host", nil, "a `HOST` instead of an inventory; may be repeated")
	return t
}

func (t *target) read(cmd *cobra.Command, args []string) (model.Model, *playbook.AnsiblePlaybookOptions, error) {
	if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
		return model.Model{}, nil, fmt.Errorf("unexpected argument %q; hint: options of ansible-playbook go after --", args[0])
	}
	inventory, err := inventoryOf(t.inventory, t.hosts)
	if err != nil {
		return model.Model{}, nil, err
	}
	m, err := t.modelOf()
	return m, &playbook.AnsiblePlaybookOptions{Inventory: inventory}, err
}

// inventoryOf is what ansible-playbook gets: names in a list that ends in a comma are hosts.
func inventoryOf(inventory string, hosts []string) (string, error) {
	switch {
	case inventory != "" && len(hosts) > 0:
		return "", errors.New("--inventory and --host are both given; hint: to run on some hosts of an inventory, end with -- --limit HOST")
	case inventory != "":
		return inventory, nil
	case len(hosts) == 0:
		return "", errors.New("--inventory or --host is required; hint: for example --inventory hosts.yml, or --host worker1.example.org")
	}
	for i, h := range hosts {
		if hosts[i] = strings.TrimSpace(h); hosts[i] == "" || strings.ContainsAny(hosts[i], " \t\n") {
			return "", fmt.Errorf("--host: %q is not accepted; accepted: the name or address of a host", h)
		}
	}
	return strings.Join(hosts, ",") + ",", nil
}

// play is the playbook that apply runs. Hosts are chosen by the inventory and --limit.
const play = `---
- name: Run Sidekiq
  hosts: all
  gather_facts: false
  roles:
    - role: sidekiq
`

// apply runs the role and shows how, for verify as well, where a difference is what is looked for.
func apply(cmd *cobra.Command, m model.Model, o *playbook.AnsiblePlaybookOptions, extra []string, verify bool) (watch.Outcome, error) {
	core, err := watch.Ansible(cmd.Context())
	if err != nil {
		return watch.Outcome{}, err
	}
	dir, err := os.MkdirTemp("", "sidekiq-role-")
	if err != nil {
		return watch.Outcome{}, err
	}
	defer os.RemoveAll(dir)
	file, err := writePlay(dir, m)
	if err != nil {
		return watch.Outcome{}, err
	}
	run := watch.Run{Core: core, Playbook: playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks(file), playbook.WithPlaybookOptions(o)), Extra: extra, Verify: verify}
	return run.Watch(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// writePlay writes the playbook, with the role and the callback plugin beside it, where Ansible finds them whatever ansible.cfg
// says of other folders.
func writePlay(dir string, m model.Model) (string, error) {
	if _, err := generate(m, rolePackage, filepath.Join(dir, "roles/sidekiq")); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "sidekiq.yml")
	return file, errors.Join(watch.WritePlugin(dir), os.WriteFile(file, []byte(play), 0o600))
}

// statusError is nil for 0.
func statusError(status int) error {
	if status == 0 {
		return nil
	}
	return exitError{status}
}
