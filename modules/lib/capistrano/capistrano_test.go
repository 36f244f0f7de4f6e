package capistrano

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeployment_Owns(t *testing.T) {
	d := Deployment{AppRoot: "/opt/current", Root: "/opt"}
	for dir, is := range map[string]bool{
		"/opt/current": true, "/opt/releases/20260101": true, "/opt/other/current": false, "/opt": false, "": false, "/srv": false,
	} {
		require.Equal(t, is, d.Owns(dir), dir)
	}
	require.True(t, Deployment{AppRoot: "/srv/app"}.Owns("/srv/app"))
	require.False(t, Deployment{AppRoot: "/srv/app"}.Owns("/srv/app/current"))
}

func TestDeployment_Project(t *testing.T) {
	require.Equal(t, "hyrax", Deployment{AppRoot: "/opt/hyrax/current", Root: "/opt/hyrax"}.Project())
	require.Equal(t, "app", Deployment{AppRoot: "/srv/app"}.Project())
}

func TestRootOf(t *testing.T) {
	for appRoot, want := range map[string]string{"/opt/hyrax/current": "/opt/hyrax", "/srv/app": "", "/srv/current/app": ""} {
		require.Equal(t, want, RootOf(appRoot), appRoot)
	}
}

func TestDeployment_Writable(t *testing.T) {
	in := func(root string) []string {
		return []string{root + "/log", root + "/tmp", root + "/storage", root + "/public/system", root + "/public/uploads"}
	}
	require.Equal(t, in("/srv/app"), Deployment{AppRoot: "/srv/app"}.Writable())
	require.Equal(t, append(in("/opt/shared"), in("/opt/current")...), Deployment{AppRoot: "/opt/current", Root: "/opt"}.Writable())
}

func TestDeployment_Protected(t *testing.T) {
	require.Empty(t, Deployment{AppRoot: "/srv/app"}.Protected())
	require.Equal(t, []string{"/opt/repo", "/opt/shared/config"}, Deployment{AppRoot: "/opt/current", Root: "/opt"}.Protected())
}

func TestDeployment_Linked(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"opt/apps/hyrax/shared/inside", "opt/apps/hyrax/current", "mnt/disk/uploads", "var/lib", "usr/local/data", "etc/hyrax", "srv/app/data"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "mnt/disk/master.key"), nil, 0o600))
	for link, target := range map[string]string{
		"opt/apps/hyrax/shared/uploads": "mnt/disk/uploads", "opt/apps/hyrax/shared/again": "mnt/disk/uploads",
		"opt/apps/hyrax/shared/local": "usr/local/data", "opt/apps/hyrax/shared/in": "opt/apps/hyrax/shared/inside",
		"opt/apps/hyrax/shared/up": "opt/apps", "opt/apps/hyrax/shared/top": "opt", "opt/apps/hyrax/shared/system": "etc/hyrax",
		"opt/apps/hyrax/shared/lib": "var/lib", "opt/apps/hyrax/shared/gone": "nowhere",
		"opt/apps/hyrax/shared/master.key": "mnt/disk/master.key", "opt/apps/hyrax/current/tmp": "mnt/disk",
		"srv/app/log": "srv/app/data", "srv/app/tmp": "mnt/disk",
	} {
		require.NoError(t, os.Symlink(filepath.Join(root, target), filepath.Join(root, link)))
	}
	linked, refused := Deployment{AppRoot: "/opt/apps/hyrax/current", Root: "/opt/apps/hyrax"}.Linked(root)
	require.Equal(t, []string{"/mnt/disk", "/mnt/disk/uploads", "/usr/local/data"}, linked)
	require.ElementsMatch(t, []string{"/opt/apps", "/opt", "/etc/hyrax", "/var/lib"}, refused)

	linked, refused = Deployment{AppRoot: "/srv/app"}.Linked(root)
	require.Equal(t, []string{"/mnt/disk"}, linked)
	require.Empty(t, refused)
}

func TestIsUnit(t *testing.T) {
	for name, is := range map[string]bool{
		"hyrax_sidekiq_production.service": true, "sidekiq-production.service": true, "sidekiq_hyrax_production@1.service": true,
		"sidekiq-mailers.service": false, "sidekiq-exporter.service": false, "hyrax_sidekiq_staging.service": false, "sidekiq.service": false,
	} {
		require.Equal(t, is, IsUnit(name, "production"), name)
	}
}
