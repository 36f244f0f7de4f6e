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
	"syscall"
	"time"
)

func say(format string, words ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", words...) }

// patience is how long a program that is to end may finish what it has begun, lest a container appear after all were removed.
const patience = 30 * time.Second

// run gives a program's output; what it wrote to standard error is a part of the error.
func run(ctx context.Context, stdin io.Reader, name string, arguments ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
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

// lastLine is what fits into a cell of the table: programs say last what was the matter.
func lastLine(err error) string {
	text := strings.TrimSpace(err.Error())
	return strings.ReplaceAll(text[strings.LastIndex(text, "\n")+1:], "|", "/")
}
