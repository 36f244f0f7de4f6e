package main

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "devel"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and build information",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			binaries, err := payloadSums()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "sidekiq-role %s\n", version)
			fmt.Fprintf(out, "  built with  %s for %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			for _, platform := range slices.Sorted(maps.Keys(binaries)) {
				fmt.Fprintf(out, "  modules     %s, sha256 %s\n", strings.ReplaceAll(platform, "_", "/"), binaries[platform].SHA256)
			}
			if len(binaries) == 0 {
				fmt.Fprintln(out, "  modules     none; hint: install the release tarball or run make build")
			}
			return nil
		},
	}
}
