package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// capistranoTexts are the templates that make a text, one after the other, by the version of the gem capistrano-sidekiq that it goes with; ""
// does without it.
var capistranoTexts = map[string][]string{"": {"sidekiq.rake"}, "2": {"gem2.rb", "gem.rb"}, "3": {"gem3.rb", "gem.rb"}}

func capistranoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "capistrano",
		Short: "Print the Capistrano tasks that go with the role",
		Long: `capistrano prints lib/capistrano/tasks/sidekiq.rake for a project that is deployed with Capistrano 3: tasks and hooks that make
Sidekiq quiet, restart it and wait until it is up, and that type nothing with sudo but what the role grants. The names are those of
the role that is generated with the same options.

With --gem it prints instead what makes the gem capistrano-sidekiq go with the role: lines for Capfile and config/deploy.rb.`,
		Example: `  sidekiq-role capistrano --output lib/capistrano/tasks/sidekiq.rake
  sidekiq-role capistrano --service-name hyrax-worker --gem 3`,
		Args: cobra.NoArgs,
	}
	m := modelFlags(cmd)
	gem := cmd.Flags().String("gem", "", "version of capistrano-sidekiq to go with, 2 or 3 (default: without the gem)")
	output := cmd.Flags().String("output", "", "file to write (default: standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("gem") && (*gem == "" || capistranoTexts[*gem] == nil) {
			return fmt.Errorf("--gem: %q is not accepted; accepted: 2, 3; hint: leave it out where the project has no capistrano-sidekiq", *gem)
		}
		text, err := capistranoText(*m, *gem)
		if err != nil {
			return err
		}
		if *output == "" {
			_, err := cmd.OutOrStdout().Write(text)
			return err
		}
		changed, err := writeFile(filepath.Clean(*output), text)
		if err != nil {
			return err
		}
		said := "unchanged"
		if changed {
			said = "wrote " + *output
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
		return err
	}
	return cmd
}

// capistranoText is pure, as Emit is.
func capistranoText(m Model, gem string) ([]byte, error) {
	v, err := viewOf(m, rolePackage)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, name := range capistranoTexts[gem] {
		files := map[string][]byte{}
		if err := render(files, "templates/capistrano/"+name, name, v); err != nil {
			return nil, err
		}
		text = append(text, files[name]...)
	}
	return text, nil
}

// rubyVerb is a verb of systemctl as Ruby has it. One that the role does not grant makes no text.
func rubyVerb(verb string) (string, error) {
	if !slices.Contains(granted, verb) {
		return "", fmt.Errorf("systemctl %s is not granted; granted: %s", verb, strings.Join(granted, ", "))
	}
	return ":" + verb, nil
}
