// The program licenses prints the licence texts of all that is linked into binaries, which those who hand the binaries out have to
// hand out as well: of Go itself, and of each module that a binary says it holds.
//
//	licenses BINARY...
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, binaries []string) error {
	if len(binaries) == 0 {
		return errors.New("wants a binary")
	}
	folders, err := linked(binaries)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		text, err := licence(folders[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "%s\n%s\n\n%s\n", name, strings.Repeat("=", len(name)), text)
	}
	return nil
}

// linked has the folders of Go and of the modules in the binaries, by their names.
func linked(binaries []string) (map[string]string, error) {
	root, err := golang("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	folders := map[string]string{"Go": root}
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		for _, module := range info.Deps {
			if folders[module.Path], err = golang("list", "-m", "-f", "{{.Dir}}", module.Path); err != nil {
				return nil, err
			}
		}
	}
	return folders, nil
}

func golang(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// legal are the names of such files, which people write in many ways.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice)`)

// licence is the text in a module's folder, and what it bids to be handed on with it.
func licence(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, e := range entries {
		if e.IsDir() || !legal.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return "", err
		}
		texts = append(texts, strings.TrimSpace(string(text))+"\n")
	}
	if len(texts) == 0 {
		return "", fmt.Errorf("no licence is in %s", folder)
	}
	return strings.Join(texts, "\n"), nil
}
