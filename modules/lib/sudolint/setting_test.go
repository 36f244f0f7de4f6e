package sudolint

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

func TestCheckSetting(t *testing.T) {
	root := lay(t)
	at := func(name string) string { return filepath.Join(root, name) }
	for _, name := range []string{"good", "home", "sticky"} {
		require.NoError(t, os.Mkdir(at(name), 0o755))
	}
	require.NoError(t, os.Chown(at("home"), 1000, 0))
	require.NoError(t, os.Chmod(at("sticky"), os.ModeSticky|0o777))
	require.NoError(t, os.Symlink("home", at("link")))
	s, err := sudoers.ParseSetting("secure_path=" + at("good") + ":" + at("home") + ":" + at("none") + ":" + at("link") + ":" + at("sticky"))
	require.NoError(t, err)
	found, err := CheckSetting(s)
	require.NoError(t, err)
	require.Equal(t, []string{"error writable_path", "error writable_path", "error writable_path"}, ids(found))
	require.Equal(t, fmt.Sprintf("%q has the directory %s, which can be replaced by users other than root: %s has owner 1000; hint: leave %s out",
		s, at("home"), at("home"), at("home")), found[0].String())
}
