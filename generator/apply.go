package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/apenella/go-ansible/v2/pkg/execute"
	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/spf13/cobra"
)

func applyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply --inventory I [-- ansible-playbook options]",
		Short: "Run the role against the hosts of an inventory",
		Long: `apply generates the role into a temporary folder and runs it with ansible-playbook, whose output is shown as it comes.
Everything after -- goes to ansible-playbook. The exit status is ansible-playbook's.`,
		Example: `  sidekiq-role apply --inventory hosts.yml --project hyrax --check --diff
  sidekiq-role apply --inventory hosts.yml --project hyrax -- --limit worker1 --ask-become-pass`,
	}
	model := modelFlags(cmd)
	o := &playbook.AnsiblePlaybookOptions{}
	cmd.Flags().StringVarP(&o.Inventory, "inventory", "i", "", "inventory file, or hosts parted by commas with one at the end")
	cmd.Flags().BoolVarP(&o.Check, "check", "C", false, "change nothing, tell what would change")
	cmd.Flags().BoolVarP(&o.Diff, "diff", "D", false, "show differences")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.Inventory == "" {
			return errors.New("--inventory is required; hint: for example --inventory hosts.yml, or --inventory worker1.example.org,")
		}
		if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
			return fmt.Errorf("unexpected argument %q; hint: options of ansible-playbook go after --", args[0])
		}
		m, err := model()
		if err != nil {
			return err
		}
		return apply(cmd, m, o, args)
	}
	return cmd
}

// play is the playbook that apply runs. Hosts are chosen by the inventory and --limit.
const play = `---
- name: Run Sidekiq
  hosts: all
  gather_facts: false
  roles:
    - role: sidekiq
`

func apply(cmd *cobra.Command, m Model, o *playbook.AnsiblePlaybookOptions, extra []string) error {
	if _, err := exec.LookPath(playbook.DefaultAnsiblePlaybookBinary); err != nil {
		return errors.New("ansible-playbook was not found in PATH; hint: pip install 'ansible-core>=2.14'")
	}
	dir, err := os.MkdirTemp("", "sidekiq-role-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := generate(m, rolePackage, filepath.Join(dir, "roles/sidekiq"), false, true); err != nil {
		return err
	}
	file := filepath.Join(dir, "sidekiq.yml")
	if err := os.WriteFile(file, []byte(play), 0o600); err != nil {
		return err
	}
	return runPlaybook(cmd, command{playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks(file), playbook.WithPlaybookOptions(o)), extra})
}

// command is an ansible-playbook call with further options as they were typed.
type command struct {
	*playbook.AnsiblePlaybookCmd
	extra []string
}

func (c command) Command() ([]string, error) {
	words, err := c.AnsiblePlaybookCmd.Command()
	return append(words, c.extra...), err
}

// statusOf keeps the exit status, which go-ansible's error does not carry.
type statusOf struct{ status *int }

func (s statusOf) Enrich(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		*s.status = exit.ExitCode()
	}
	return err
}

// runPlaybook shows the output as it comes. Ctrl-C reaches ansible-playbook from the terminal itself, so that one is waited
// for: it has to clean up. (Notify and not Ignore, which ansible-playbook would inherit.)
func runPlaybook(cmd *cobra.Command, c command) error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	status := 0
	err := execute.NewDefaultExecute(
		execute.WithCmd(c),
		execute.WithWrite(cmd.OutOrStdout()),
		execute.WithWriteError(cmd.ErrOrStderr()),
		execute.WithErrorEnrich(statusOf{&status}),
		execute.WithEnvVars(colours()),
	).Execute(cmd.Context())
	if status != 0 {
		return exitError{status}
	}
	return err
}

// colours keeps Ansible's colours on a terminal: it sees a pipe.
func colours() map[string]string {
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" {
		return map[string]string{"ANSIBLE_FORCE_COLOR": "1"}
	}
	return nil
}
