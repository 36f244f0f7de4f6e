package systemdsidekiq

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestCheckDirective_CommandsOfRoot(t *testing.T) {
	for _, value := range []string{"/bin/true", "-@/bin/true x", ":/bin/true", "/bin/echo + !", `/bin/echo ; "/bin/true"`, `/bin/sh -c 'test -d /opt ; ! test -e /x'`, `/bin/sh -c "printf 'a\n'"`} {
		require.NoError(t, checkDirective("extra_directives", "ExecStartPre", value), value)
	}
	for _, value := range []string{"+/bin/true", "!/bin/true", "!!/bin/true", "-+/bin/true", `"+/bin/true"`, `-'!/bin/true'`, `\x2b/bin/true`, "/bin/true ; +/bin/true", "/bin/true ;\t-!/bin/true",
		"; +/bin/true", `/bin/true ; ";" +/bin/true`, `";" +/bin/true`, `"\x3b" +/bin/true`, `/bin/true ; ';' -!/bin/true`} {
		require.ErrorContains(t, checkDirective("extra_directives", "ExecStopPost", value), "ExecStopPost= has a command with the prefix + or !", value)
	}
	require.NoError(t, checkDirective("extra_directives", "ExecPaths", "+/usr"), "it has no commands")
}

func TestCheckPathsOfRoot(t *testing.T) {
	testenv.NeedRoot(t, "only root can make directories of others")
	root := t.TempDir()
	for _, dir := range []string{"etc/own", "srv/theirs"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.Chown(filepath.Join(root, "srv/theirs"), 1000, 1000))
	require.NoError(t, os.Symlink("/srv/theirs/key", filepath.Join(root, "etc/link")))
	require.NoError(t, os.Symlink("../../srv/theirs/key", filepath.Join(root, "etc/own/link")))
	const open, unjudged = "others than root can replace: /srv/theirs has owner 1000", "cannot be checked"
	for _, c := range []struct{ name, value, want string }{
		{"LoadCredential", "k:/etc/own/key", ""}, {"LoadCredential", "k:/srv/theirs/key", open}, {"LoadCredential", "k:/etc/link", open},
		{"LoadCredentialEncrypted", "k:/etc/own/link", open}, {"LoadCredential", "k:/etc/missing/key", ""}, {"LoadCredential", "k:/srv/theirs", ""},
		{"StandardInput", "file:/srv/theirs/in", open}, {"OpenFile", "/srv/theirs/x:fd:read-only", open}, {"TTYPath", "/srv/theirs/tty", open},
		{"PIDFile", "/srv/theirs/pid", open}, {"NetworkNamespacePath", "/srv/theirs/ns", open}, {"DeviceAllow", "/dev/fuse rw", ""},
		{"BindPaths", "/srv/theirs:/srv/x", ""}, {"BindPaths", "-/srv/theirs/x:/srv/x:rbind", open}, {"BindReadOnlyPaths", "/etc/own:/srv/theirs/x", open},
		{"RootDirectory", "/srv/theirs", open}, {"RootDirectory", "/etc/own", ""}, {"RootImage", "/srv/theirs/image", open},
		{"MountImages", "/srv/theirs/image:/x", open}, {"ExtensionDirectories", "-+/srv/theirs", open}, {"ExtensionImages", "/etc/own/x", ""},
		{"BPFProgram", "egress:/srv/theirs/x", open}, {"IPEgressFilterPath", "/srv/theirs/x", open}, {"TemporaryFileSystem", "/srv/theirs/x:ro", open},
		{"LoadCredential", "k:%h/key", unjudged}, {"BindPaths", "%h:/x", unjudged}, {"BindPaths", `"/srv/my files":/x`, unjudged},
		{"BindPaths", `/srv/my\x20files:/x`, unjudged}, {"BindPaths", "/srv/%i:/x", unjudged}, {"BindPaths", "/etc/50%%:/x", ""}, {"OpenFile", `\x2fsrv\x2ftheirs\x2fx:x:read-only`, unjudged}, {"OpenFile", "/etc/own,d/x:x", unjudged},
		{"MountImages", "/etc/own/x:/mnt:ro,noexec", ""},
		{"CPUQuota", "50%", ""}, {"RuntimeDirectory", "%p", ""}, {"IPAddressAllow", "10.0.0.0/8 fd00::/8", ""}, {"LogExtraFields", `"X=/srv/theirs/x"`, ""},
		{"ExecStartPre", "/srv/theirs/bin/x %h", ""}, {"InaccessiblePaths", "/srv/theirs/x", ""}, {"IOReadBandwidthMax", "/srv/theirs/x 10M", ""},
	} {
		o := roleOptions(func(o *options) { o.ExtraDirectives = map[string][]string{c.name: {c.value}} })
		g := &gatherer{inspector: newInspector(host{root: root}, o)}
		require.NoError(t, g.checkPathsOfRoot())
		if c.want == "" {
			require.Empty(t, g.missing, c.name+"="+c.value)
			continue
		}
		require.Len(t, g.missing, 1, c.name+"="+c.value)
		require.ErrorContains(t, g.missing[0], c.want)
	}
}
