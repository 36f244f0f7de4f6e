// Command fakemodule stands in for the module binary in tests of the action plugin. `run NAME - DIR` reads a nonce and the arguments from
// standard input and answers what arrived; `--version` answers anything.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// order is what a test asks of it, among the arguments that it echoes.
type order struct {
	Record string `json:"record"` // file that gets the arguments as they arrived
	Before string `json:"before"` // text to print before the answer
	Mute   bool   `json:"mute"`   // no answer but control characters, exit status 3
}

func main() {
	if err := answer(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func answer(args []string) error {
	if len(args) == 1 && args[0] == "--version" {
		fmt.Println("fakemodule")
		return nil
	}
	if len(args) != 4 || args[0] != "run" || args[2] != "-" {
		return fmt.Errorf("started as %q", args)
	}
	if err := os.Chdir(args[3]); err != nil {
		return err
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	nonce, input, _ := bytes.Cut(input, []byte("\n"))
	if strings.Contains(fmt.Sprint(os.Args, os.Environ()), string(nonce)) {
		return fmt.Errorf("the nonce %q is in the arguments or in the environment", nonce)
	}
	return echo(args[1], nonce, input)
}

func echo(name string, nonce, input []byte) error {
	var asked order
	var arrived map[string]any
	if err := json.Unmarshal(input, &asked); err != nil {
		return err
	}
	if err := json.Unmarshal(input, &arrived); err != nil {
		return err
	}
	if asked.Record != "" {
		if err := os.WriteFile(asked.Record, input, 0o600); err != nil {
			return err
		}
	}
	if asked.Mute {
		fmt.Println("no answer \x1b[2J\u009b")
		return fmt.Errorf("mute as asked \x1b[2J\u009b")
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	fmt.Printf("%s%s ", asked.Before, nonce)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"changed":         false,
		"module":          name,
		"umask":           syscall.Umask(0),
		"greeting":        os.Getenv("GREETING"),
		"text":            arrived["text"],
		"dir":             dir,
		"template":        "{{ 1 + 1 }}",
		"warnings":        []string{"a warning of the module"},
		"_ansible_no_log": true, // not the module's to say
	})
}
