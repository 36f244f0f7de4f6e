package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// modelName is the file that holds the model, in the folder in which sidekiq-role is called.
const modelName = "sidekiq-role.yml"

// ReadModel makes a model of the text of a file, of which errors are Faults.
func ReadModel(name string, source []byte) (Model, error) { return parse(name, source).model() }

// flagged is a flag that puts a text into the place of the model's, by the key that it sets.
type flagged struct{ flag, key, usage string }

var common = []flagged{
	{"project", "project", "name of the application (default: the variable project_name)"},
	{"service-name", "service_name", "name of the systemd service"},
	{"deploy-user", "deploy_user", "user that runs Sidekiq and may restart it"},
	{"deploy-group", "deploy_group", "group that runs Sidekiq"},
	{"deploy-root", "deploy_root", "folder that holds current and shared (default: /opt/PROJECT)"},
	{"rails-env", "rails_env", "Rails environment"},
	{"ruby-manager", "ruby.manager", "what manages Ruby on the hosts: auto, system, rbenv, rvm, asdf or mise"},
	{"bundle", "ruby.bundle", "path of bundle on the hosts (default: what the manager has)"},
	{"hardening", "hardening.level", "sandbox: auto, strict, standard, compat or off"},
}

// gemFlag is the one of capistrano alone.
var gemFlag = flagged{"gem", "capistrano.gem", "version of the gem capistrano-sidekiq to go with, 2 or 3 (default: none)"}

// modelFlags let the model's file be named and its common fields be set. What it returns reads both.
func modelFlags(cmd *cobra.Command, more ...flagged) func() (Model, error) {
	f := cmd.Flags()
	file := f.String("model", "", "file of the model, or - for standard input (default: "+modelName+", where it exists)")
	for _, c := range append(common, more...) {
		f.String(c.flag, "", c.usage)
	}
	f.Int("concurrency", 0, "threads (default: the application's own)")
	f.StringArray("queue", nil, "a queue, NAME or NAME,WEIGHT; may be repeated (default: the application's own)")
	return func() (Model, error) {
		name, source, err := readModelFile(*file, cmd.InOrStdin())
		if err != nil {
			return Model{}, err
		}
		d := parse(name, source)
		return override(d, f).model()
	}
}

func readModelFile(name string, in io.Reader) (shown string, source []byte, err error) {
	switch name {
	case "-":
		source, err = io.ReadAll(in)
		return "standard input", source, err
	case "":
		source, err = os.ReadFile(modelName)
		if errors.Is(err, fs.ErrNotExist) {
			return modelName, nil, nil
		}
		return modelName, source, err
	}
	source, err = os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("--model: %q does not exist; hint: sidekiq-role init writes one for a Rails application", name)
	}
	return name, source, err
}

// override puts what flags give into a document. An empty value, and 0, takes the default.
func override(d *document, flags *pflag.FlagSet) *document {
	for _, c := range append(common, gemFlag) {
		if f := flags.Lookup(c.flag); f != nil && f.Changed {
			d.set(c.flag, c.key, null(f.Value.String()))
		}
	}
	if f := flags.Lookup("concurrency"); f.Changed {
		n, err := flags.GetInt("concurrency")
		if err != nil {
			panic(err) // it was defined as a number
		}
		d.set("concurrency", "concurrency", null(n))
	}
	if f, ok := flags.Lookup("queue").Value.(pflag.SliceValue); ok && flags.Changed("queue") {
		var queues []any
		for _, q := range f.GetSlice() {
			queues = append(queues, q)
		}
		d.set("queue", "queues", queues)
	}
	return d
}
