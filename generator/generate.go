package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func generateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate --output DIR",
		Short: "Write the role, or a collection with it, into a folder",
		Long: `generate writes the role right into DIR (DIR/tasks/main.yml), with the modules' binaries in DIR/files. A file that was
edited since it was generated is not overwritten without --force, one that the role no longer has is removed.

With --collection it writes the collection curationexperts.samvera instead: the modules by their full names, and the role that
uses them. ansible-playbook finds it where DIR ends in ansible_collections/curationexperts/samvera.`,
		Args: cobra.NoArgs,
	}
	model := modelFlags(cmd)
	output := cmd.Flags().String("output", "", "folder of the role or collection")
	collection := cmd.Flags().Bool("collection", false, "write the collection curationexperts.samvera instead of the role")
	force := cmd.Flags().Bool("force", false, "overwrite files that were edited")
	noPayload := cmd.Flags().Bool("no-payload", false, "leave out the modules' binaries")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *output == "" {
			return fmt.Errorf("--output is required; hint: for example --output roles/sidekiq")
		}
		m, err := model()
		if err != nil {
			return err
		}
		p := rolePackage
		if *collection {
			p = collectionPackage
		}
		changes, err := generate(m, p, *output, *force, !*noPayload)
		for _, c := range changes {
			fmt.Fprintln(cmd.OutOrStdout(), c)
		}
		if err == nil && len(changes) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "unchanged")
		}
		return err
	}
	return cmd
}

// generate writes a package and returns what it changed. Without a payload it fails before it writes anything.
func generate(m Model, p Package, dir string, force, withPayload bool) ([]string, error) {
	files, err := Emit(m, p)
	if err != nil {
		return nil, err
	}
	if withPayload && !hasPayload() {
		return nil, errNoPayload
	}
	changes, err := writeFiles(dir, files, force)
	if err != nil || !withPayload {
		return changes, err
	}
	more, err := writePayload(dir, p.Payload)
	return append(changes, more...), err
}
