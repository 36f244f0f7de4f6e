package bundler

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
)

func TestCheckRuby(t *testing.T) {
	needRoot(t)
	asked := func(file string) Wanted {
		return Wanted{file, []*version{parseVersion("3.3.5")}}
	}
	for name, c := range map[string]struct {
		script  string
		bundle  Bundle
		warning string
	}{
		"asks for none": {script: "echo 'ruby 3.1.2p20 (2022)'"},
		"accepted":      {script: "echo 'ruby 3.3.5 (2024)'", bundle: Bundle{Wanted: asked("/app/.ruby-version")}},
		"runs in the directory, with the variables": {script: `[ "$PWD $NAME $*" = "/usr value exec ruby -e puts RUBY_DESCRIPTION" ] && echo 'ruby 3.3.5'`},
		"finds ruby beside bundle":                  {script: `[ "${PATH%%:*}" = "${0%/*}" ] && echo 'ruby 3.3.5'`},
		"differs":                                   {script: "echo 'ruby 3.1.2p20 (2022)'", bundle: Bundle{Wanted: asked("/app/.ruby-version")}, warning: "/app/.ruby-version asks for Ruby 3.3.5, but BUNDLE runs Ruby 3.1.2; hint: set bundle or login_shell"},
		"differs, already reported":                 {script: "echo 'ruby 3.1.2p20 (2022)'", bundle: Bundle{Wanted: asked("/app/.ruby-version"), Warning: "reported"}},
		"differs from the lockfile":                 {script: "echo 'ruby 3.1.2p20 (2022)'", bundle: Bundle{Wanted: asked("/app/Gemfile.lock")}},
		"another engine":                            {script: "echo 'jruby 3.3.5 (3.1.4)'", bundle: Bundle{Wanted: asked("/app/.ruby-version")}, warning: "/app/.ruby-version asks for Ruby 3.3.5, but BUNDLE runs jruby-3.3.5; hint: set bundle or login_shell"},
		"profile that prints":                       {script: "echo 'host 3.1.2'; echo 'ruby 3.3.5 (2024)'", bundle: Bundle{Wanted: asked("/app/.ruby-version")}},
		"no version":                                {script: "true", warning: "BUNDLE exec ruby does not report its version; hint: check it, or set bundle or login_shell"},
		"refused by Bundler":                        {script: "echo 'a.rb:1: warning: old' >&2; echo 'Your Ruby version is 3.1.2, but your Gemfile specified 3.3.5' >&2; exit 18", warning: `BUNDLE exec ruby fails for "root": "Your Ruby version is 3.1.2, but your Gemfile specified 3.3.5"; hint: set bundle or login_shell`},
		"refused with a backtrace":                  {script: "echo \"/usr/lib/definition.rb:498:in \\`validate_ruby!': Your Ruby version is 3.1.2, but your Gemfile specified 3.3.5 (Bundler::RubyVersionMismatch)\" >&2; exit 1", warning: `BUNDLE exec ruby fails for "root": "Your Ruby version is 3.1.2, but your Gemfile specified 3.3.5 (Bundler::RubyVersionMismatch)"; hint: set bundle or login_shell`},
		"without gems":                              {script: "echo \"x.rb:4:in 'setup': Could not find rails-7.2.2 in locally installed gems\" >&2; echo more >&2; exit 7", warning: `BUNDLE exec ruby fails for "root": "Could not find rails-7.2.2 in locally installed gems"; hint: run bundle install, or set bundle or login_shell`},
		"control characters":                        {script: `printf 'a\033[31m\377\n' >&2; exit 1`, warning: `BUNDLE exec ruby fails for "root": "a\x1b[31m\xff"; hint: run bundle install, or set bundle or login_shell`},
		"silent":                                    {script: "exit 3", warning: `BUNDLE exec ruby fails for "root": "exit status 3"; hint: run bundle install, or set bundle or login_shell`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bundle")
			require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755))
			c.bundle.Path = "BUNDLE"
			got, err := c.bundle.CheckRuby(&accounts.User{Name: "root"}, "/usr", RubyCommand(file, DescribeRuby...), map[string]string{"NAME": "value"})
			require.NoError(t, err)
			require.Equal(t, c.warning, got)
		})
	}
}
