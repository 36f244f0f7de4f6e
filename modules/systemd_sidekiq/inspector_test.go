package systemdsidekiq

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

func writeFile(t *testing.T, h host, name, text string) {
	t.Helper()
	path := h.inRoot(name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestOverridden(t *testing.T) {
	const command = "; hint: find what overrides it, such as a wrapper or a shell profile (/usr/bin/bundle starts Sidekiq)"
	for name, c := range map[string]struct {
		environ string
		files   map[string]string
		want    []string
	}{
		"as the unit sets them": {environ: "RAILS_MAX_THREADS=12\x00TOKEN=123456\x00FILE=file\x00"},
		"rbenv-vars": {environ: "RAILS_MAX_THREADS=3\x00TOKEN=123456\x00FILE=file\x00", files: map[string]string{"/opt/demo/.rbenv-vars": "RAILS_MAX_THREADS=3\n"},
			want: []string{"process 42 has RAILS_MAX_THREADS=3, but the unit sets 12 (the database pool depends on it); hint: change or remove it in /opt/demo/.rbenv-vars"}},
		"a number that is secret": {environ: "RAILS_MAX_THREADS=12\x00TOKEN=654321\x00FILE=file\x00", want: []string{"process 42 has another value of TOKEN than the unit" + command}},
		"a login shell": {environ: "RAILS_MAX_THREADS=12\x00TOKEN=other\x00FILE=file\x00", files: map[string]string{"/home/deploy/.profile": "# TOKEN=a\nexport TOKEN=other\n"},
			want: []string{"process 42 has another value of TOKEN than the unit; hint: change or remove it in /home/deploy/.profile"}},
		"a drop-in": {environ: "RAILS_MAX_THREADS=12\x00TOKEN=123456\x00FILE=x\x00", files: map[string]string{"/etc/systemd/system/sidekiq.service.d/a.conf": "[Service]\nEnvironment=\"FILE=x\"\n"},
			want: []string{"process 42 has another value of FILE than the unit; hint: change or remove it in /etc/systemd/system/sidekiq.service.d/a.conf"}},
		"a wrapper that removes it": {environ: "RAILS_MAX_THREADS=12\x00FILE=file\x00", want: []string{"process 42 has no TOKEN, which the unit sets" + command}},
		// A title of 60 letters: unknown, not absent.
		"an overwritten environment": {environ: "aaaaaaaa [0 of 7 busy]\x00\x00\x00\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &options{AppRoot: "/opt/demo/current", Options: environ.Options{
				Environment: map[string]string{"FILE": "unit"}, SecretEnvironment: map[string]string{"TOKEN": "123456"}, EnvironmentFiles: []string{"/etc/default/demo"}}}
			p, u := newTestPlanner(t, &fakeStore{}, o)
			p.pool.variables = map[string]string{"RAILS_MAX_THREADS": "12"}
			p.user = &accounts.User{Name: "deploy", Home: "/home/deploy"}
			p.bundle.Path = "/usr/bin/bundle"
			u.state.DropIns = []string{"/etc/systemd/system/sidekiq.service.d/a.conf"}
			writeFile(t, p.host, "/etc/default/demo", "FILE=file\n")
			for file, text := range c.files {
				writeFile(t, p.host, file, text)
			}
			writeProc(p.host, 42, "environ", c.environ)
			var r recorder
			p.overridden(&r, u)
			require.Equal(t, c.want, r.warnings)
		})
	}
}

func TestOverridden_Unreadable(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{}, &options{})
	var r recorder
	p.overridden(&r, u)
	require.Len(t, r.warnings, 1)
	require.Contains(t, r.warnings[0], "the environment of process 42 cannot be read: ")
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		"A=1": true, "export A=1": true, "\tA = 1": true, "[env]\nA = 'x'": true, "Environment=\"A=1\"": true, "Environment=B=1 A=2": true,
		"": false, "# A=1": false, "AB=1": false, "B=A": false, "echo A": false,
	} {
		require.Equal(t, want, mentions(text, "A"), text)
	}
}
