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
	root, err := golang("env", "GOROOT")
	directorys := map[string]string{"Go": root} // of Go and of the modules, by their names
	for _, binary := range binaries {
		info, wrong := buildinfo.ReadFile(binary)
		if wrong != nil {
			return wrong
		}
		for _, module := range info.Deps {
			directory, wrong := golang("list", "-m", "-f", "{{.Dir}}", module.Path)
			directorys[module.Path], err = directory, errors.Join(err, wrong)
		}
	}
	text := ""
	for _, name := range slices.Sorted(maps.Keys(directorys)) {
		one, wrong := licence(directorys[name])
		text += fmt.Sprintf("%s\n%s\n\n%s\n", name, strings.Repeat("=", len(name)), one)
		err = errors.Join(err, wrong)
	}
	if err == nil {
		_, err = io.WriteString(out, text)
	}
	return err
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

// licence is the text in a module's directory, and what has to be handed on with it.
func licence(directory string) (string, error) {
	entries, err := os.ReadDir(directory)
	var texts []string
	for _, e := range entries {
		if !e.IsDir() && legal.MatchString(e.Name()) {
			text, wrong := os.ReadFile(filepath.Join(directory, e.Name()))
			texts, err = append(texts, strings.TrimSpace(string(text))+"\n"), errors.Join(err, wrong)
		}
	}
	if err == nil && texts == nil {
		err = fmt.Errorf("no licence is in %s", directory)
	}
	return strings.Join(texts, "\n"), err
}
