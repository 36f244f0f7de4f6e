package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// flagged is a flag that puts a text into the place of the model's, by the key that it sets.
type flagged struct{ flag, key, usage string }

var common = []flagged{
	{"project", "project", "`NAME` of the application (default: the variable project_name)"},
	{"service-name", "service_name", "`NAME` of the systemd service"},
	{"deploy-user", "deploy_user", "`USER` that runs Sidekiq and may restart it"},
	{"deploy-group", "deploy_group", "`GROUP` that runs Sidekiq"},
	{"deploy-root", "deploy_root", "`FOLDER` that holds current and shared (default: /opt/PROJECT)"},
	{"rails-env", "rails_env", "Rails `ENVIRONMENT`"},
	{"ruby-manager", "ruby.manager", "`MANAGER` of Ruby on the hosts: auto, system, rbenv, rvm, asdf or mise"},
	{"bundle", "ruby.bundle", "`PATH` of bundle on the hosts (default: what the manager has)"},
	{"hardening", "hardening.level", "`LEVEL` of the sandbox: auto, strict, standard or off"},
}

// gemFlag is the one of capistrano alone.
var gemFlag = flagged{"gem", "capistrano.gem", "`VERSION` of the gem capistrano-sidekiq to go with, 2 or 3 (default: none)"}

// modelFlags let the model's file be named and its common fields be set. What it returns reads both.
func modelFlags(cmd *cobra.Command, more ...flagged) func() (model.Model, error) {
	f := pflag.NewFlagSet("model", pflag.ContinueOnError)
	file := f.String("model", "", "`FILE` of the model, or - for standard input (default: "+model.FileName+", where it exists)")
	for _, c := range append(common, more...) {
		f.String(c.flag, "", c.usage)
	}
	f.Int("concurrency", 0, "`NUMBER` of threads (default: the application's own)")
	f.StringArray("queue", nil, "a `QUEUE`, NAME or NAME,WEIGHT; may be repeated (default: the application's own)")
	f.VisitAll(func(f *pflag.Flag) { f.Annotations = map[string][]string{modelFlag: {}} })
	cmd.Flags().AddFlagSet(f)
	completeModel(cmd)
	return func() (model.Model, error) {
		name, source, err := readModelFile(*file, cmd.InOrStdin())
		if err != nil {
			return model.Model{}, err
		}
		return override(model.Parse(name, source), f).Model()
	}
}

// modelFlag marks the flags that several commands share.
const modelFlag = "model"

// completeModel lets shells complete the flags whose values are known.
func completeModel(cmd *cobra.Command) {
	err := cmd.MarkFlagFilename("model", "yml", "yaml")
	for _, c := range append(common, gemFlag) {
		f, _ := model.FieldOf(c.key)
		if f.Choices != nil && cmd.Flags().Lookup(c.flag) != nil {
			err = errors.Join(err, cmd.RegisterFlagCompletionFunc(c.flag, cobra.FixedCompletions(f.Choices, cobra.ShellCompDirectiveNoFileComp)))
		}
	}
	if err != nil {
		panic(err) // a flag that was not defined
	}
}

func readModelFile(name string, in io.Reader) (shown string, source []byte, err error) {
	if name == "-" {
		source, err = io.ReadAll(in)
		return "standard input", source, err
	}
	shown = cmp.Or(name, model.FileName)
	source, err = os.ReadFile(shown)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
	case name == "":
		err = nil // then the model is what flags and defaults say
	default:
		err = fmt.Errorf("--model: %q does not exist; hint: sidekiq-role init writes one for a Rails application", name)
	}
	return shown, source, err
}

// override puts what flags give into a document. An empty value, and 0, takes the default.
func override(d *model.Document, flags *pflag.FlagSet) *model.Document {
	for _, c := range append(common, gemFlag) {
		if f := flags.Lookup(c.flag); f != nil && f.Changed {
			d.Set(c.flag, c.key, model.Null(f.Value.String()))
		}
	}
	if f := flags.Lookup("concurrency"); f.Changed {
		n, err := flags.GetInt("concurrency")
		if err != nil {
			panic(err) // it was defined as a number
		}
		d.Set("concurrency", "concurrency", model.Null(n))
	}
	if f, ok := flags.Lookup("queue").Value.(pflag.SliceValue); ok && flags.Changed("queue") {
		d.Set("queue", "queues", queuesOf(f.GetSlice()))
	}
	return d
}

// queuesOf is the list that flags give; nil, which takes the default, for one that is empty.
func queuesOf(words []string) any {
	if slices.Equal(words, []string{""}) {
		return nil
	}
	queues := []any{}
	for _, q := range words {
		queues = append(queues, q)
	}
	return queues
}
