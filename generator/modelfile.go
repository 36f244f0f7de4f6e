package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// fieldFlag is a flag that replaces a field of the model.
type fieldFlag struct{ name, key, usage string }

// fieldFlags are those that several commands share, and gemFlag the one of capistrano alone.
var (
	serviceFlag = fieldFlag{"service-name", "service_name", "`NAME` of the systemd service"}
	gemFlag     = fieldFlag{"gem", "capistrano.gem", "`VERSION` of the gem capistrano-sidekiq to go with, 2 or 3 (default: none)"}
	fieldFlags  = []fieldFlag{
		{"project", "project", "`NAME` of the application (default: the variable project_name)"},
		serviceFlag,
		{"deploy-user", "deploy_user", "`USER` that runs Sidekiq and may restart it"},
		{"deploy-group", "deploy_group", "`GROUP` that runs Sidekiq"},
		{"deploy-root", "deploy_root", "`DIR` that holds current and shared (default: /opt/PROJECT)"},
		{"rails-env", "rails_env", "Rails `ENVIRONMENT`"},
		{"ruby-manager", "ruby.manager", "`MANAGER` of Ruby on the hosts: auto, system, rbenv, rvm, asdf or mise"},
		{"bundle", "ruby.bundle", "`PATH` of bundle on the hosts (default: what the manager has)"},
		{"hardening", "hardening.level", "`LEVEL` of the sandbox: auto, strict, standard or off"},
		{"concurrency", "concurrency", "`NUMBER` of threads (default: the application's own)"},
		{"queue", "queues", "a `QUEUE`, NAME or NAME,WEIGHT; may be repeated (default: the application's own)"},
	}
)

// modelFlags adds flags that name the model's file and replace fields of it, by default those of fieldFlags. The function that it returns
// reads both.
func modelFlags(cmd *cobra.Command, fields ...fieldFlag) func() (model.Model, error) {
	if fields == nil {
		fields = fieldFlags
	}
	f := pflag.NewFlagSet("model", pflag.ContinueOnError)
	f.SortFlags = false
	file := f.String("model", "", "`FILE` of the model, or - for standard input (default: "+model.FileName+", where it exists)")
	for _, c := range fields {
		f.StringArray(c.name, nil, c.usage)
	}
	f.VisitAll(func(f *pflag.Flag) { f.Annotations = map[string][]string{modelFlag: {}} })
	cmd.Flags().AddFlagSet(f)
	err := cmd.MarkFlagFilename("model", "yml", "yaml")
	for _, c := range fields {
		err = errors.Join(err, cmd.RegisterFlagCompletionFunc(c.name, c.complete))
	}
	if err != nil {
		panic(err) // a flag that was not defined
	}
	return func() (model.Model, error) {
		name, source, err := readModelFile(*file, cmd.InOrStdin())
		if err != nil {
			return model.Model{}, err
		}
		d := model.Parse(name, source)
		for _, c := range fields {
			if flag := f.Lookup(c.name); flag.Changed {
				d.Set(c.name, c.key, flag.Value.(pflag.SliceValue).GetSlice())
			}
		}
		return d.Model()
	}
}

// modelFlag marks the flags that several commands share.
const modelFlag = "model"

// complete lists the values of a flag, if they are known.
func (c fieldFlag) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if f, _ := model.FieldOf(c.key); f.Choices != nil {
		return f.Choices, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func readModelFile(name string, in io.Reader) (shown string, source []byte, err error) {
	shown = shownName(name)
	if name == "-" {
		source, err = io.ReadAll(in)
		return shown, source, err
	}
	source, err = os.ReadFile(cmp.Or(name, model.FileName))
	switch {
	case !errors.Is(err, fs.ErrNotExist):
	case name == "":
		err = nil // then the model is what flags and defaults say
	default:
		err = fmt.Errorf("--model: %q does not exist; hint: sidekiq-role init writes one for a Rails application", name)
	}
	return shown, source, err
}

// shownName is the model's file as errors name it.
func shownName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return cmp.Or(name, model.FileName)
}
