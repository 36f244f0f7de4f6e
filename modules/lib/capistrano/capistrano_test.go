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
	require.Equal(t, [][]string{in("/srv/app")}, Deployment{AppRoot: "/srv/app"}.Writable())
	require.Equal(t, [][]string{in("/opt/shared"), in("/opt/current")}, Deployment{AppRoot: "/opt/current", Root: "/opt"}.Writable())
}

func TestDeployment_Linked(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"opt/hyrax/shared/inside", "opt/hyrax/current", "mnt/disk/uploads", "var/lib", "usr/local/data", "etc/hyrax"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for link, target := range map[string]string{
		"opt/hyrax/shared/uploads": "mnt/disk/uploads", "opt/hyrax/shared/again": "mnt/disk/uploads", "opt/hyrax/shared/local": "usr/local/data",
		"opt/hyrax/shared/in": "opt/hyrax/shared/inside", "opt/hyrax/shared/up": "opt", "opt/hyrax/shared/system": "etc/hyrax",
		"opt/hyrax/shared/lib": "var/lib", "opt/hyrax/shared/gone": "nowhere", "opt/hyrax/current/tmp": "mnt/disk",
	} {
		require.NoError(t, os.Symlink(filepath.Join(root, target), filepath.Join(root, link)))
	}
	linked, refused := Deployment{AppRoot: "/opt/hyrax/current", Root: "/opt/hyrax"}.Linked(root)
	require.Equal(t, []string{"/mnt/disk", "/mnt/disk/uploads", "/usr/local/data"}, linked)
	require.ElementsMatch(t, []string{"/opt", "/etc/hyrax", "/var/lib"}, refused)
}

func TestIsUnit(t *testing.T) {
	for name, is := range map[string]bool{
		"hyrax_sidekiq_production.service": true, "sidekiq-production.service": true, "sidekiq_hyrax_production@1.service": true,
		"sidekiq-mailers.service": false, "sidekiq-exporter.service": false, "hyrax_sidekiq_staging.service": false, "sidekiq.service": false,
	} {
		require.Equal(t, is, IsUnit(name, "production"), name)
	}
}
