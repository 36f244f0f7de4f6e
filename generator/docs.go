package main

import "github.com/spf13/cobra"

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of " + modelName,
		Long: `schema prints the JSON Schema by which ` + modelName + ` is judged, for editors. Those with yaml-language-server find the published one by the first
line that init writes:

  # yaml-language-server: $schema=` + schemaURL(),
		Example: "  sidekiq-role schema >sidekiq-role.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(Schema())
			return err
		},
	}
}
