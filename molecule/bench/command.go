package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func say(format string, words ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", words...) }

// run gives a program's output; what it wrote to standard error is a part of the error.
func run(ctx context.Context, stdin io.Reader, name string, arguments ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(arguments, " "), err, tail(stderr.String()+stdout.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// tail is the end of a long text, where the error stands.
func tail(text string) string {
	const most = 2000
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return text
}
