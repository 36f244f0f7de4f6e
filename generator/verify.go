package main

import "github.com/spf13/cobra"

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify {--inventory I | --host HOST} [-- ansible-playbook options]",
		Short: "Tell where hosts differ from what the role would make of them",
		Long: `verify runs the role in check mode. It never changes anything. It shows by host what apply would change, and how, and at the end
which hosts are as they should be. A restart that is pending (sidekiq_restart: never) is shown and is no difference.

Everything after -- goes to ansible-playbook as it is typed.

Exit status:
  0  every host is as it should be
  1  a host could not be judged, since it failed or the play ended before it; or nothing was run
  2  a host differs
  4  a host could not be reached
Of several the first in the order 4, 1, 2 counts. Any other is ansible-playbook's own.`,
		Example: `  sidekiq-role verify --inventory hosts.yml --project hyrax
  sidekiq-role verify --host worker1.example.org --project hyrax -- -u ubuntu`,
	}
	t := targetFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, o, err := t.read(cmd, args)
		if err != nil {
			return err
		}
		o.Check, o.Diff = true, true
		outcome, err := apply(cmd, m, o, args, true)
		if err != nil {
			return err
		}
		return statusError(outcome.Verdict())
	}
	return cmd
}
