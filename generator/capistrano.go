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

// capistranoTexts are the templates that make a text, one after the other, by the version of the gem capistrano-sidekiq that it goes with.
var capistranoTexts = map[string][]string{"none": {"sidekiq.rake"}, "2": {"gem2.rb", "gem.rb"}, "3": {"gem3.rb", "gem.rb"}}

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
		Args: flagsAlone,
	}
	read := modelFlags(cmd, "capistrano.gem", "service_name")
	output := cmd.Flags().StringP("output", "o", "", "`FILE` to write (default: standard output)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := read()
		if err != nil {
			return err
		}
		text, err := capistranoText(m)
		if err != nil {
			return err
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

// Ruby is a verb of systemctl as Ruby has it. One that the role does not grant makes no text.
func (v view) Ruby(verb string) (string, error) {
	if granted := v.Model.Sudo.Systemctl; !slices.Contains(granted, verb) {
		return "", refusal(fmt.Sprintf("systemctl %s is not granted; granted: %s; hint: add it to sudo.systemctl of the model", verb, strings.Join(granted, ", ")))
	}
	return ":" + verb, nil
}

// rubyText is a text as Ruby has it. What JSON escapes Ruby reads in the same way, but for what begins an interpolation.
func rubyText(text string) (string, error) {
	quoted, err := json.Marshal(text)
	return strings.ReplaceAll(string(quoted), "#", `\#`), err
}

var plainSymbol = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// rubySymbols is a list of words as Ruby has it: one symbol, or an array of them.
func rubySymbols(words []string) (string, error) {
	var symbols []string
	plain := true
	for _, word := range words {
		if text, err := rubyText(word); err != nil {
			return "", err
		} else if !plainSymbol.MatchString(word) {
			plain, word = false, text
		}
		symbols = append(symbols, ":"+word)
	}
	switch {
	case len(symbols) == 1:
		return symbols[0], nil
	case plain:
		return "%i[" + strings.Join(words, " ") + "]", nil
	}
	return "[" + strings.Join(symbols, ", ") + "]", nil
}
