package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"mvdan.cc/sh/v3/syntax"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

// generateOptions are the flags of generate that are not of the model.
type generateOptions struct {
	Package
	output                    string
	check, diff, force, quiet bool
}

func generateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate --output DIR",
		Short: "Write the role, a playbook with it or a collection",
		Long: `generate writes files into DIR from the model (` + model.FileName + ` of the current directory, if it exists). The same model gives
the same files. A file that was edited is not overwritten without --force; a file that is no longer generated is removed.

Layouts:
  role        the role itself (DIR/tasks/main.yml)
  playbook    a directory for ansible-playbook: the role in DIR/roles/sidekiq, a playbook, and an inventory, which is created once, with playbook.servers of the model.
  collection  the collection collection.namespace.collection.name of the model (curationexperts.samvera): the modules by their full names, and the role. Ansible finds it in a directory ansible_collections/NAMESPACE/NAME.

Binaries of the modules:
  include     with the role or the collection (about 6 MB)
  collection  none: the role uses the modules of the model's collection, which has to be installed (the layout playbook has a requirements.yml for it)
  none        none: add them before use

Exit status: 0 success, 1 error, 2 changes needed (--check).`,
		Example: `  sidekiq-role generate --output roles/sidekiq
  sidekiq-role generate --output roles/sidekiq --diff    # dry run
  sidekiq-role generate --output roles/sidekiq --check   # in CI
  sidekiq-role generate --output ../deployment --layout playbook`,
		Args: flagsAlone,
	}
	read := modelFlags(cmd)
	var o generateOptions
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "`DIR` to write")
	layout := choiceFlag(cmd, "layout", "`LAYOUT` of DIR", layouts...)
	from := choiceFlag(cmd, "binaries", "`SOURCE` of the modules' binaries", binaries...)
	f.BoolVar(&o.force, "force", false, "overwrite modified files")
	f.BoolVarP(&o.check, "check", "C", false, "write nothing, list what would change, exit with 2 if anything would")
	f.BoolVarP(&o.diff, "diff", "D", false, "write nothing, show what would change")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only errors; with --check, report by exit status only")
	if err := cmd.MarkFlagDirname("output"); err != nil {
		panic(err) // it was defined
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch o.Package = (Package{*layout, *from}); {
		case o.output == "":
			return errors.New("--output is required; hint: for example --output roles/sidekiq")
		case o.Layout == "collection" && o.Binaries == "collection":
			return errors.New("--binaries collection: the layout collection has the modules itself; accepted: include, none")
		}
		m, err := read()
		if err != nil {
			return err
		}
		if o.quiet {
			cmd.SetOut(io.Discard)
		}
		return o.run(m, cmd.OutOrStdout())
	}
	return cmd
}

func (o generateOptions) run(m model.Model, out io.Writer) error {
	changes, err := planned(m, o.Package, o.output)
	if err == nil {
		err = o.keepsLayout(changes)
	}
	switch {
	case err != nil:
		return err
	case o.check || o.diff:
		return o.show(out, changes)
	}
	done, err := doChanges(o.output, changes, o.force)
	for _, c := range done {
		fmt.Fprintln(out, c)
	}
	switch {
	case err != nil:
		return err
	case len(done) == 0:
		fmt.Fprintln(out, "unchanged")
	default:
		fmt.Fprintln(out, o.summary(m))
	}
	if o.Layout != "playbook" {
		return nil
	}
	inventory, err := os.ReadFile(filepath.Join(o.output, "inventory/hosts.yml"))
	if missing := notNamed(m.Playbook, string(inventory)); err == nil && len(missing) > 0 {
		fmt.Fprintf(out, "inventory/hosts.yml is yours, and does not name: %s\n", strings.Join(missing, ", "))
	}
	return err
}

// notNamed lists the groups and hosts of a model that an inventory does not name.
func notNamed(p model.Playbook, inventory string) []string {
	names := []string{p.Hosts}
	for _, s := range p.Servers {
		names = append(names, s.Stage, s.Host)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return strings.Contains(inventory, name) })
}

// mainFiles are the files by which a layout is known.
var mainFiles = map[string]string{"tasks/main.yml": "role", "sidekiq.yml": "playbook", "galaxy.yml": "collection"}

// keepsLayout refuses to replace a layout by another: a forgotten --layout would remove all of it.
func (o generateOptions) keepsLayout(changes []change) error {
	for _, c := range changes {
		if layout := mainFiles[c.name]; c.after == nil && layout != "" && !o.force {
			return fmt.Errorf("--layout: %q was generated with --layout %s; hint: --layout %[2]s, another --output, or --force", o.output, layout)
		}
	}
	return nil
}

// summary says what the directory holds, and which command uses it.
func (o generateOptions) summary(m model.Model) string {
	dir, install, limit := shellWord(o.output, "DIR"), "", ""
	if len(view{Model: m}.Stages()) > 1 {
		limit = " --limit STAGE"
	}
	switch {
	case o.Layout == "collection":
		return "collection " + view{Model: m}.Collection() + "\nnext: ansible-galaxy collection build " + dir
	case o.Layout == "role":
		return "role " + dir + "\nnext: ansible-playbook PLAYBOOK --check --diff, with the role in one of its plays"
	case o.Binaries == "collection":
		install = "ansible-galaxy collection install -r requirements.yml && "
	}
	return "playbook sidekiq.yml, role roles/sidekiq, inventory\nnext: cd " + dir + " && " + install + "ansible-playbook sidekiq.yml" + limit + " --check --diff"
}

// shellWord quotes a name for a shell; a placeholder stands for one that cannot be typed.
func shellWord(name, placeholder string) string {
	if quoted, err := syntax.Quote(name, syntax.LangPOSIX); err == nil {
		return quoted
	}
	return placeholder
}

// show prints what would change, and writes nothing.
func (o generateOptions) show(out io.Writer, changes []change) error {
	for _, c := range changes {
		if o.diff {
			fmt.Fprint(out, watch.Diff(out, watch.Visible(string(c.diff()))))
		}
		if o.check {
			fmt.Fprintln(out, c.would(o.force))
		}
	}
	if o.check && len(changes) > 0 {
		return exitError{2}
	}
	return nil
}

// planned makes a package and compares it with dir. It writes nothing.
func planned(m model.Model, p Package, dir string) ([]change, error) {
	if p.Layout == "playbook" && m.Project == "" {
		return nil, errors.New("the layout playbook requires project; hint: set project in " + model.FileName + ", or --project NAME")
	}
	all, err := Emit(m, p)
	if err == nil {
		all.binaries, err = payloadFiles(p)
	}
	if err != nil {
		return nil, err
	}
	return compare(dir, all)
}

// generate writes a package and returns what it changed. Files that a person edited are an error.
func generate(m model.Model, p Package, dir string) ([]change, error) {
	changes, err := planned(m, p, dir)
	if err != nil {
		return nil, err
	}
	return doChanges(dir, changes, false)
}
