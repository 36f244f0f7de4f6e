package bundler

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

func TestReadWanted(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		file  string
		want  string
	}{
		{name: "none"},
		{name: "number", files: map[string]string{".ruby-version": "3.3.5\n"}, file: ".ruby-version", want: "Ruby 3.3.5"},
		{name: "with the engine", files: map[string]string{".ruby-version": "ruby-3.3.5"}, file: ".ruby-version", want: "Ruby 3.3.5"},
		{name: "with a gemset", files: map[string]string{".ruby-version": "ruby-3.3.5@hyrax\n"}, file: ".ruby-version", want: "Ruby 3.3.5"},
		{name: "minor version", files: map[string]string{".ruby-version": "3.3"}, file: ".ruby-version", want: "Ruby 3.3"},
		{name: "JRuby", files: map[string]string{".ruby-version": "jruby-9.4.8.0\n"}, file: ".ruby-version", want: "jruby-9.4.8.0"},
		{name: "GraalVM", files: map[string]string{".ruby-version": "truffleruby+graalvm-24.1.0\n"}, file: ".ruby-version", want: "truffleruby-24.1.0"},
		{name: "preview", files: map[string]string{".ruby-version": "3.5.0-preview1\n"}, file: ".ruby-version", want: "Ruby 3.5.0-preview1"},
		{name: "patch level", files: map[string]string{".ruby-version": "2.6.10-p210\n"}, file: ".ruby-version", want: "Ruby 2.6.10-p210"},
		{name: "comments and CRLF", files: map[string]string{".ruby-version": "\r\n# for 3.2.0\r\n  3.3.5 # the newest\r\n3.1.0\r\n"}, file: ".ruby-version", want: "Ruby 3.3.5"},
		{name: "several", files: map[string]string{".tool-versions": "nodejs 20.1.0\r\nruby 3.3.5 3.2.0 # comment\r\n"}, file: ".tool-versions", want: "Ruby 3.3.5 or Ruby 3.2.0"},
		{name: "system first", files: map[string]string{".tool-versions": "ruby system 3.2.0\n"}, file: ".tool-versions", want: "Ruby 3.2.0"},
		{name: "another tool", files: map[string]string{".tool-versions": "ruby-build 3.3.5\n#ruby 3.3.5\n"}},
		{name: "mise", files: map[string]string{"mise.toml": "[tools]\nnode = \"20\"\nruby = \"3.3.5\" # comment\n"}, file: "mise.toml", want: "Ruby 3.3.5"},
		{name: "mise with options", files: map[string]string{".mise.toml": "[tools]\nruby = { version = '3.3' }\n"}, file: ".mise.toml", want: "Ruby 3.3"},
		{name: "lockfile", files: map[string]string{"Gemfile.lock": "DEPENDENCIES\n  sidekiq\n\nRUBY VERSION\n   ruby 3.3.5p100\n\nBUNDLED WITH\n   2.5.22\n"}, file: "Gemfile.lock", want: "Ruby 3.3.5"},
		{name: "lockfile with CRLF", files: map[string]string{"Gemfile.lock": "RUBY VERSION\r\n  ruby 3.3.5\r\n"}, file: "Gemfile.lock", want: "Ruby 3.3.5"},
		{name: "lockfile of JRuby", files: map[string]string{"Gemfile.lock": "RUBY VERSION\n   ruby 3.1.4p0 (jruby 9.4.8.0)\n"}},
		{name: "order", files: map[string]string{".ruby-version": "3.4.1", ".tool-versions": "ruby 3.3.5", "Gemfile.lock": "RUBY VERSION\n   ruby 3.2.0\n"}, file: ".ruby-version", want: "Ruby 3.4.1"},
		{name: "no version in the first file", files: map[string]string{".ruby-version": "system\n", ".tool-versions": "ruby 3.3.5"}, file: ".tool-versions", want: "Ruby 3.3.5"},
		{name: "path", files: map[string]string{".ruby-version": "../../etc"}},
		{name: "path behind a version", files: map[string]string{".ruby-version": "3.3.5/../../etc"}},
		{name: "control characters", files: map[string]string{".ruby-version": "3.3.5\x1b[31m\x00"}},
		{name: "glob", files: map[string]string{".ruby-version": "3.*"}},
		{name: "option", files: map[string]string{".ruby-version": "-3.3.5"}},
		{name: "long number", files: map[string]string{".ruby-version": strings.Repeat("3", 60)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
			}
			got, err := ReadWanted(atomicfile.NewReader(root), "/", "/Gemfile.lock")
			require.NoError(t, err)
			require.Equal(t, c.want, got.String())
			require.Equal(t, c.file, strings.TrimPrefix(got.File, "/"))
		})
	}
}

// A file that cannot be read does not hide the next.
func TestReadWanted_UnreadableFile(t *testing.T) {
	for name, c := range map[string]struct {
		make func(file string) error
		err  string
	}{
		"FIFO":      {func(file string) error { return syscall.Mkfifo(file, 0o644) }, "named pipe"},
		"directory": {func(file string) error { return os.Mkdir(file, 0o755) }, "directory"},
		"device":    {func(file string) error { return os.Symlink("/dev/zero", file) }, "device"},
		"huge":      {func(file string) error { return os.WriteFile(file, make([]byte, atomicfile.MaxConfiguration+1), 0o600) }, "bytes; accepted: up to"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			require.NoError(t, c.make(filepath.Join(root, ".ruby-version")))
			require.NoError(t, os.WriteFile(filepath.Join(root, ".tool-versions"), []byte("ruby 3.3.5"), 0o600))
			got, err := ReadWanted(atomicfile.NewReader(root), "/", "/Gemfile.lock")
			require.ErrorContains(t, err, c.err)
			require.Equal(t, "Ruby 3.3.5", got.String())
		})
	}
}

// No text becomes a name that leads elsewhere.
func FuzzParseVersion(f *testing.F) {
	for _, text := range []string{"3.3.5", "ruby-3.3.5@hyrax", "jruby-9.4.8.0", "3.5.0-preview1", "..", "3.3.5/..", "3.3.5\n", "-3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v := parseVersion(text)
		if v == nil {
			return
		}
		require.NotContains(t, text, "/")
		require.NotContains(t, text, "..")
		require.Regexp(t, `^[A-Za-z0-9 .-]+$`, v.String())
		again := parseVersion(strings.TrimPrefix(v.String(), "Ruby "))
		require.NotNil(t, again)
		again.gemset = v.gemset
		require.Equal(t, v, again)
	})
}
