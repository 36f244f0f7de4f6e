package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

// generateOptions are the flags of generate that are not of the model.
type generateOptions struct {
	output                                 string
	collection, playbook, force, noPayload bool
	check, diff                            bool
}

func generateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate --output DIR",
		Short: "Write the role, a playbook or a collection with it, into a folder",
		Long: `generate writes the role right into DIR (DIR/tasks/main.yml), with the modules' binaries in DIR/files. The model is ` + model.FileName + ` of the
folder in which it is called, where that exists; the same model gives the same bytes. A file that was edited since it was generated is not
overwritten without --force, one that is no longer made is removed.

With --playbook it writes a folder that ansible-playbook runs in: the role in DIR/roles/sidekiq, a playbook that uses it, and a beginning of
an inventory for sandbox, staging and production, which is yours from then on.

With --collection it writes the collection curationexperts.samvera: the modules by their full names, and the role that uses them.
ansible-playbook finds it where DIR ends in ansible_collections/curationexperts/samvera.

The exit status is 0; 1 for an error; 2 with --check, when something would change.`,
		Example: `  sidekiq-role generate --output roles/sidekiq
  sidekiq-role generate --output roles/sidekiq --diff    # dry run
  sidekiq-role generate --output roles/sidekiq --check   # in CI
  sidekiq-role generate --output deployment --playbook --project hyrax`,
		Args: flagsAlone,
	}
	read := modelFlags(cmd)
	var o generateOptions
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "`FOLDER` of the role, the playbook or the collection")
	f.BoolVar(&o.collection, "collection", false, "write the collection curationexperts.samvera instead of the role")
	f.BoolVar(&o.playbook, "playbook", false, "write a playbook and an inventory with the role")
	f.BoolVar(&o.force, "force", false, "overwrite files that were edited")
	f.BoolVar(&o.noPayload, "no-payload", false, "leave out the modules' binaries")
	f.BoolVarP(&o.check, "check", "C", false, "write nothing, name what would change, and exit with 2 if anything would")
	f.BoolVarP(&o.diff, "diff", "D", false, "write nothing, show what would change")
	if err := cmd.MarkFlagDirname("output"); err != nil {
		panic(err) // it was defined
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case o.output == "":
			return errors.New("--output is required; hint: for example --output roles/sidekiq")
		case o.collection && o.playbook:
			return errors.New("--collection and --playbook exclude each other; hint: generate each into a folder of its own")
		}
		m, err := read()
		if err != nil {
			return err
		}
		return o.run(m, cmd.OutOrStdout())
	}
	return cmd
}

func (o generateOptions) run(m model.Model, out io.Writer) error {
	changes, err := planned(m, o.kind(), o.output, !o.noPayload)
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
	if err == nil && len(done) == 0 {
		fmt.Fprintln(out, "unchanged")
	}
	return err
}

func (o generateOptions) kind() Package {
	switch {
	case o.collection:
		return collectionPackage
	case o.playbook:
		return playbookPackage
	}
	return rolePackage
}

// show tells what would change, and writes nothing.
func (o generateOptions) show(out io.Writer, changes []change) error {
	for _, c := range changes {
		if o.diff {
			if _, err := io.WriteString(out, watch.Visible(string(c.diff()))); err != nil {
				return err
			}
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

// planned tells what would change in dir. Without a payload it is an error, before anything is written.
func planned(m model.Model, p Package, dir string, withPayload bool) ([]change, error) {
	if p.stubs != nil && m.Project == "" {
		return nil, errors.New("the playbook has no project; hint: write project: NAME into " + model.FileName + ", or --project NAME")
	}
	all, err := Emit(m, p)
	if err != nil {
		return nil, err
	}
	if withPayload {
		if all.binaries, err = payloadFiles(p.Payload); err != nil {
			return nil, err
		}
	}
	return compare(dir, all)
}

// generate writes a package and tells what it changed. Files that a person edited are an error.
func generate(m model.Model, p Package, dir string, withPayload bool) ([]change, error) {
	changes, err := planned(m, p, dir, withPayload)
	if err != nil {
		return nil, err
	}
	return doChanges(dir, changes, false)
}
