package bundler

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
)

const (
	askTimeout = 60 * time.Second // Bundler loads its whole index first
	maxOutput  = 64 << 10
	maxFailure = 300
)

// installed returns the executable and version in a place that match the wanted Ruby, else "". Where no manager names the version, the
// interpreter of the executable is asked.
func (s *Search) installed(p place, wanted *version) (bundle, has string, err error) {
	if p.manager != nil {
		bundle, has = p.installed(s.Root, wanted)
		return bundle, has, nil
	}
	bundle = p.defaultBundle(s.Root)
	command := interpreter(filepath.Join(s.Root, bundle))
	if command == nil || s.User == nil {
		return "", "", nil
	}
	ruby, _, err := ask(s.User, "/", append(command, "--version"), nil)
	if ruby == nil || !ruby.is(wanted) {
		return "", "", err
	}
	return bundle, ruby.String(), nil
}

// ask runs a command that prints its version, nil if it does not. failure is why it failed. err is about the user's groups.
func ask(user *accounts.User, dir string, command []string, variables map[string]string) (ruby *version, failure string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	cmd, err := user.Command(ctx, command[0], command[1:]...)
	if err != nil {
		return nil, "", err
	}
	cmd.Dir = dir
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, errs := limited.Buffer{Most: maxOutput}, limited.Buffer{Most: maxOutput}
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); ctx.Err() != nil {
		return nil, "no answer within " + askTimeout.String(), nil
	} else if err != nil {
		return nil, cmp.Or(errorLine(string(errs.Bytes())), err.Error()), nil
	}
	if m := description().FindSubmatch(out.Bytes()); m != nil {
		ruby = parseVersion(string(m[1]) + "-" + string(m[2]))
	}
	return ruby, "", nil
}

// description is that of ruby --version, RUBY_DESCRIPTION. A login shell may print more.
var description = lazyregexp.New(`(?m)^([a-z]*ruby) (\d+(?:\.\d+)*)`)

// RubyCommand is the command by which a bundle runs its Ruby with arguments. Bundler compares that with the Gemfile first. Without a manager, Bundler
// finds ruby by PATH, which may be another one than the one that runs Bundler.
func RubyCommand(bundle string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", `case "$0" in /*) PATH="${0%/*}:$PATH";; esac; exec "$0" exec ruby "$@"`, bundle}, args...)
}

// DescribeRuby are the arguments with which Ruby prints its version.
var DescribeRuby = []string{"-e", "puts RUBY_DESCRIPTION"}

// CheckRuby runs command, which is RubyCommand or a shell that runs it, as the user in the directory of the application, with the variables of the
// service. The warning is "" if the application accepts the Ruby. err is about the user's groups.
func (b *Bundle) CheckRuby(user *accounts.User, dir string, command []string, variables map[string]string) (warning string, err error) {
	const hint = "set bundle or login_shell"
	ruby, failure, err := ask(user, dir, command, variables)
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(failure, rubyMismatch):
		return fmt.Sprintf("%s exec ruby fails for %q: %q; hint: %s", b.Path, user.Name, failure, hint), nil
	case failure != "":
		return fmt.Sprintf("%s exec ruby fails for %q: %q; hint: run bundle install, or %s", b.Path, user.Name, failure, hint), nil
	case ruby == nil:
		return fmt.Sprintf("%s exec ruby does not report its version; hint: check it, or %s", b.Path, hint), nil
	case b.Warning == "" && b.Wanted.File != "" && !b.Wanted.isFromLockfile() && !b.Wanted.accepts(ruby):
		return fmt.Sprintf("%s asks for %s, but %s runs %s; hint: %s", b.Wanted.File, b.Wanted, b.Path, ruby, hint), nil
	}
	return "", nil
}

// rubyMismatch begins the message of Bundler about a Ruby that the Gemfile does not accept (bundler/definition.rb, validate_ruby!).
const rubyMismatch = "Your Ruby version is "

var origin = lazyregexp.New("^\\S+:\\d+:in [`'].*?': ")

// errorLine is the line that says why a command failed: that about the version of Ruby, else the first that is not a warning of Ruby.
func errorLine(output string) string {
	var first string
	for _, line := range strings.Split(output, "\n") {
		line = origin().ReplaceAllString(strings.TrimSpace(line), "")
		if _, rest, isMismatch := strings.Cut(line, rubyMismatch); isMismatch {
			first = rubyMismatch + rest
			break
		}
		if first == "" && !strings.Contains(line, "warning: ") {
			first = line
		}
	}
	return first[:min(len(first), maxFailure)]
}
