package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// capistranoTexts are the templates of a text, in their order, by the version of the gem capistrano-sidekiq.
var capistranoTexts = map[string][]string{"none": {"sidekiq.rake"}, "2": {"gem2.rb", "gem.rb"}, "3": {"gem3.rb", "gem.rb"}}

func capistranoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "capistrano",
		Short: "Print the Capistrano tasks for the role",
		Long: `capistrano prints lib/capistrano/tasks/sidekiq.rake for a project that is deployed with Capistrano 3: tasks and hooks that
quiet Sidekiq, restart it and wait until it is up. With sudo they run only commands that the role grants. Names and roles are
those of the model.

If you keep the gem capistrano-sidekiq, --gem 2 or 3 prints lines for Capfile and config/deploy.rb instead; --output does not
write them.`,
		Example: `  sidekiq-role capistrano --output lib/capistrano/tasks/sidekiq.rake
  sidekiq-role capistrano --service-name hyrax-worker --gem 3`,
		Args: flagsAlone,
	}
	read := modelFlags(cmd, "capistrano.gem", "service_name")
	output := cmd.Flags().StringP("output", "o", "", "`FILE` of tasks to write (default: standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := read()
		if err != nil {
			return err
		}
		text, err := capistranoText(m)
		if err != nil {
			return err
		}
		if gem := m.Capistrano.Gem; gem != "none" && *output != "" && *output != "-" {
			return fmt.Errorf("--output: the lines for capistrano-sidekiq %s belong into two files, Capfile and config/deploy.rb; hint: leave --output out to see them, "+
				"or write tasks that need no gem: sidekiq-role capistrano --gem none --output %s", gem, shellWord(*output, "FILE"))
		}
		return writeOutput(cmd.OutOrStdout(), *output, text)
	}
	return cmd
}

// capistranoText is pure, as Emit is.
func capistranoText(m model.Model) ([]byte, error) {
	v, err := viewOf(m, rolePackage)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, name := range capistranoTexts[m.Capistrano.Gem] {
		one, err := filled("templates/capistrano/"+name, v)
		if err != nil {
			return nil, err
		}
		text = append(text, one...)
	}
	return text, nil
}

// Ruby is a verb of systemctl as a symbol. One that the role does not grant is refused.
func (v view) Ruby(verb string) (string, error) {
	if granted := v.Model.Sudo.Systemctl; !slices.Contains(granted, verb) {
		return "", refusal(fmt.Sprintf("systemctl %s is not granted; granted: %s; hint: add it to sudo.systemctl of the model", verb, strings.Join(granted, ", ")))
	}
	return ":" + verb, nil
}

// rubyText is a string literal of Ruby. Its escapes are those of JSON, but # can begin an interpolation.
func rubyText(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // no text is one
	}
	return strings.ReplaceAll(string(quoted), "#", `\#`)
}

var plainSymbol = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// rubySymbols is one symbol of Ruby, or an array of symbols.
func rubySymbols(words []string) string {
	var symbols []string
	for _, word := range words {
		if !plainSymbol.MatchString(word) {
			word = rubyText(word)
		}
		symbols = append(symbols, ":"+word)
	}
	if len(symbols) == 1 {
		return symbols[0]
	}
	return "[" + strings.Join(symbols, ", ") + "]"
}
