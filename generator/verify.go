package main

import (
	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify {-i INVENTORY... | --host HOST... | --playbook FILE} [-- ansible-playbook options]",
		Short: "Report where hosts differ from what the role would make of them",
		Long: `verify does what apply --check --diff does, and never asks. It reports by host what apply would
change, and which hosts are as they should be. A restart that is pending (sidekiq_restart: never)
is shown and is not a difference.

With --format json or junit the report is one document on standard output, and what Ansible itself
prints goes to standard error. README.md describes both.

Options after -- are passed to ansible-playbook.

Exit status:
  0  every host is as it should be
  1  a host could not be judged: it failed (also if the playbook takes care of that), or the role's
     modules did not run there; or nothing was run
  2  a host differs
  4  a host could not be reached
Of several the first in the order 4, 1, 2 counts. Any other is ansible-playbook's own.`,
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
