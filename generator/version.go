package main

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "devel"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version and how it was built",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			binaries, err := payloadSums()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "sidekiq-role %s\n", version)
			fmt.Fprintf(out, "  built with  %s for %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if revision := revision(); revision != "" {
				fmt.Fprintf(out, "  of          %s\n", revision)
			}
			for _, platform := range slices.Sorted(maps.Keys(binaries)) {
				fmt.Fprintf(out, "  modules     %s, sha256 %s\n", platform, binaries[platform])
			}
			if len(binaries) == 0 {
				fmt.Fprintln(out, "  modules     none; hint: install the release tarball or run make build")
			}
			return nil
		},
	}
}

// revision is what version control knew when the program was built; builds for releases leave it out, so that they can be reproduced.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var said []string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			said = append(said, s.Value)
		case s.Key == "vcs.modified" && s.Value == "true":
			said = append(said, "with changes")
		}
	}
	return strings.Join(said, ", ")
}
