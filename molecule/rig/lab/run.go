package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is the time that an interrupted program has to clean up.
const stopTimeout = 30 * time.Second

// Command returns a command. When the context is done, it and its children are terminated; it is killed stopTimeout
// later. Ctrl-C does not reach them.
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	return cmd
}

// Run runs a local program and returns its trimmed standard output. The error includes the end of its output.
func Run(ctx context.Context, stdin io.Reader, program string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := Command(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, Tail(stdout.String()+stderr.String(), 2000))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// Tail returns the end of a text.
func Tail(text string, most int) string {
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return text
}

// LastLine returns the last line of an error, usually the most specific one.
func LastLine(err error) string {
	text := strings.TrimSpace(err.Error())
	return text[strings.LastIndex(text, "\n")+1:]
}

// NotRun is the reason why a test cannot run here. It is not a failure.
type NotRun struct{ Reason string }

func (n NotRun) Error() string { return "not run: " + n.Reason }

// notRunStatus is the exit status of scripts that cannot run here; the reason follows the last ": " on standard error.
const notRunStatus = 3

// CannotRun returns a NotRun, or an error with that text if oracles are required (REQUIRE_ORACLES=1).
func CannotRun(reason string) error {
	if os.Getenv("REQUIRE_ORACLES") == "1" {
		return errors.New(NotRun{reason}.Error())
	}
	return NotRun{reason}
}

// OrNotRun converts an error with notRunStatus by CannotRun.
func OrNotRun(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != notRunStatus {
		return err
	}
	line := LastLine(err)
	return CannotRun(line[strings.LastIndex(line, ": ")+2:])
}
