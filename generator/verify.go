package main

import (
	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify {-i INVENTORY... | --host HOST... | --playbook FILE} [-- ansible-playbook options]",
		Short: "Report what apply would change on hosts",
		Long: `verify runs apply --check --diff without confirmation. It reports what apply would change, and which
hosts need no changes. A pending restart (sidekiq_restart: never) is shown and is not a difference.

With --format json or junit the report is one document on standard output, and Ansible's own
messages go to standard error. README.md describes both.

Options after -- are passed to ansible-playbook.

Exit status:
  0  no changes needed
  1  a host failed (also if the playbook rescues or ignores it), did not finish, or ran no task of the role; or nothing was run
  2  changes needed on a host
  4  a host is unreachable
If several apply, the first of 4, 1, 2 is returned. Any other is ansible-playbook's own.`,
		Example: `  sidekiq-role verify --playbook site.yml -i production
  sidekiq-role verify -i hosts.yml --project hyrax --format junit >report.xml
  sidekiq-role verify --host worker1.example.org --project hyrax -- -u ubuntu`,
	}
	t := targetFlags(cmd)
	format := choiceFlag(cmd, "format", "`FORMAT` of the report", watch.Formats...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.run(args, playbook.AnsiblePlaybookOptions{Check: true, Diff: true}, watch.Run{Verify: true, Format: *format})
	}
	return cmd
}
