package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is the time that an interrupted program has to clean up.
const stopTimeout = 30 * time.Second

// Command is a command that is sent SIGTERM when the context is done, and killed 30 s later.
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	return cmd
}

// Run runs a program of this machine and returns its standard output without surrounding space. The error includes the end of its output.
func Run(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := Command(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, Tail(stdout.String()+stderr.String(), 2000))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// Tail returns the last bytes of a text.
func Tail(text string, most int) string {
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return text
}

// LastLine returns the last line of an error, which says most about it.
func LastLine(err error) string {
	text := strings.TrimSpace(err.Error())
	return text[strings.LastIndex(text, "\n")+1:]
}

// NotRun is the reason why something cannot be tested on this machine. It is not a failure.
type NotRun struct{ Reason string }

func (n NotRun) Error() string { return "not run: " + n.Reason }

// notRunStatus is the exit status by which a script reports NotRun; the reason follows the last ": " on its standard error.
const notRunStatus = 3

// OrNotRun converts an error with that exit status to a NotRun.
func OrNotRun(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != notRunStatus {
		return err
	}
	line := LastLine(err)
	return NotRun{line[strings.LastIndex(line, ": ")+2:]}
}
