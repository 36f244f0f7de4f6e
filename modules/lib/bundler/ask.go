package bundler

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
)

const (
	interpreterTimeout = 5 * time.Second
	checkTimeout       = 60 * time.Second // Bundler loads its whole index first
	maxOutput          = 64 << 10
	maxComplaint       = 300
)

// installed is the executable in a place that is of the wanted Ruby, and the version of that; "" if there is none. Where no manager names the version, the
// interpreter of the executable is asked.
func (s Search) installed(p place, wanted version) (bundle, has string, err error) {
	if p.name != "" {
		bundle, has = p.installed(s.Root, wanted)
		return bundle, has, nil
	}
	bundle = p.unaskedBundle(s.Root)
	command := interpreter(filepath.Join(s.Root, bundle))
	if command == nil || s.User == nil {
		return "", "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), interpreterTimeout)
	defer cancel()
	cmd, err := s.User.Command(ctx, command[0], append(command[1:], "--version")...)
	if err != nil {
		return "", "", err
	}
	out := limited.Buffer{Most: maxOutput}
	cmd.Stdout = &out
	_ = cmd.Run() // without a version in the output it does not count
	ruby, isKnown := parseDescription(out.Bytes())
	if !isKnown || !(Wanted{versions: []version{wanted}}).accepts(ruby) {
		return "", "", nil
	}
	return bundle, ruby.String(), nil
}

var description = lazyregexp.New(`(?m)^([a-z]+) (\d+(?:\.\d+)*)`)

// parseDescription reads the first line of ruby --version, which is RUBY_DESCRIPTION.
func parseDescription(out []byte) (version, bool) {
	m := description().FindSubmatch(out)
	if m == nil {
		return version{}, false
	}
	return parseVersion(string(m[1]) + "-" + string(m[2]))
}

// RubyCommand is the command by which a bundle reports its Ruby. Bundler compares that with the Gemfile first. Without a manager, Bundler finds ruby by
// PATH, which may be another one than the one that runs Bundler.
func RubyCommand(bundle string) []string {
	return []string{"/bin/sh", "-c", `case "$0" in /*) PATH="${0%/*}:$PATH";; esac; exec "$0" exec ruby -e "puts RUBY_DESCRIPTION"`, bundle}
}

// CheckRuby runs command, which is RubyCommand or a shell that runs it, as the user in the directory of the application, with the variables of the
// service. The warning is "" if the application accepts the Ruby. err is about the user's groups.
func (b Bundle) CheckRuby(user accounts.User, dir string, command []string, variables map[string]string) (warning string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	cmd, err := user.Command(ctx, command[0], command[1:]...)
	if err != nil {
		return "", err
	}
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "BUNDLER_FORCE_TTY=1") // a message instead of a backtrace (bundler/setup.rb)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		cmd.Env = append(cmd.Env, name+"="+variables[name])
	}
	out, errs := limited.Buffer{Most: maxOutput}, limited.Buffer{Most: maxOutput}
	cmd.Stdout, cmd.Stderr = &out, &errs
	fault := cmd.Run()
	if ctx.Err() != nil {
		fault = fmt.Errorf("no answer within %s", checkTimeout)
	}
	ruby, isKnown := parseDescription(out.Bytes())
	switch {
	case fault == nil && !isKnown:
		return fmt.Sprintf("%s exec ruby does not report its version; hint: check it, or set bundle or login_shell", b.Path), nil
	case fault == nil && b.Warning == "" && b.Wanted.File != "" && !b.Wanted.isRecord() && !b.Wanted.accepts(ruby):
		return fmt.Sprintf("%s asks for %s, but %s runs %s; hint: set bundle or login_shell", b.Wanted.File, b.Wanted, b.Path, ruby), nil
	case fault == nil:
		return "", nil
	}
	complaint := complaintOf(string(errs.Bytes()))
	hint := "set bundle or login_shell"
	if !strings.HasPrefix(complaint, rubyMismatch) {
		hint = "run bundle install, or " + hint
	}
	return fmt.Sprintf("%s exec ruby fails for %q: %q; hint: %s", b.Path, user.Name, cmp.Or(complaint, fault.Error()), hint), nil
}

// rubyMismatch begins the message of Bundler about a Ruby that the Gemfile does not accept (bundler/definition.rb, validate_ruby!).
const rubyMismatch = "Your Ruby version is "

var origin = lazyregexp.New("^\\S+:\\d+:in [`'].*?': ")

// complaintOf is the line that says why a command failed: that about the version of Ruby, else the first that is not a warning of Ruby.
func complaintOf(output string) string {
	var first string
	for line := range strings.Lines(output) {
		line = origin().ReplaceAllString(strings.TrimSpace(line), "")
		if _, rest, isMismatch := strings.Cut(line, rubyMismatch); isMismatch {
			first = rubyMismatch + rest
			break
		}
		if first == "" && !strings.Contains(line, "warning: ") {
			first = line
		}
	}
	return strings.ToValidUTF8(first[:min(len(first), maxComplaint)], "")
}
