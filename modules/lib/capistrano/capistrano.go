// Package capistrano knows how Capistrano lays out a deployment, and the names that capistrano-sidekiq gives to units.
package capistrano

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Deployment is an application on a host: its directory, and the one with current, releases and shared, "" without Capistrano.
type Deployment struct{ AppRoot, Root string }

// Project is the name of the directory above current: /opt/hyrax/current is hyrax.
func (d Deployment) Project() string {
	if d.Root != "" {
		return path.Base(d.Root)
	}
	return path.Base(d.AppRoot)
}

// Owns reports whether a directory is of this deployment. What else is in Root may be another's: it may be as wide as /opt.
func (d Deployment) Owns(dir string) bool {
	clean := path.Clean(dir)
	isRelease := d.Root != "" && (clean == path.Join(d.Root, "current") || isIn(clean, path.Join(d.Root, "releases")))
	return dir != "" && (dir == d.AppRoot || isRelease)
}

func isIn(dir, parent string) bool { return strings.HasPrefix(dir, parent+"/") }

// writable are the directories that Capistrano links into every release, of those that applications write to.
var writable = []string{"log", "tmp", "storage", "public/system", "public/uploads"}

// Writable are the directories to which an application writes, a list for shared, where there is one, and a list for the application.
func (d Deployment) Writable() [][]string {
	if d.Root == "" {
		return [][]string{writableIn(d.AppRoot)}
	}
	return [][]string{writableIn(path.Join(d.Root, "shared")), writableIn(d.AppRoot)}
}

func writableIn(root string) []string {
	var all []string
	for _, dir := range writable {
		all = append(all, path.Join(root, dir))
	}
	return all
}

// Linked are the directories outside of the deployment to which symbolic links in shared lead, and those of Writable, as to a mounted disk: on
// a host whose root directory is root. Refused are those that such a link of the deploy user must not open to jobs.
func (d Deployment) Linked(root string) (linked, refused []string) {
	for _, link := range d.links(root) {
		target, err := filepath.EvalSymlinks(link)
		if err != nil {
			continue
		}
		info, err := os.Stat(target)
		target = filepath.Join("/", strings.TrimPrefix(target, root))
		isInside := isIn(target+"/", d.AppRoot) || d.Root != "" && isIn(target+"/", d.Root)
		switch {
		case err != nil || !info.IsDir() || isInside:
		case isSystem(target) || isIn(d.Root+"/", target):
			refused = append(refused, target)
		default:
			linked = append(linked, target)
		}
	}
	slices.Sort(linked)
	return slices.Compact(linked), refused
}

// links are the symbolic links in shared and those of Writable. Before the first deploy there are none.
func (d Deployment) links(root string) []string {
	var all []string
	if d.Root != "" {
		shared := filepath.Join(root, d.Root, "shared")
		entries, _ := os.ReadDir(shared)
		for _, e := range entries {
			all = append(all, filepath.Join(shared, e.Name()))
		}
	}
	all = append(all, writableIn(filepath.Join(root, d.AppRoot))...)
	return slices.DeleteFunc(all, func(path string) bool {
		info, err := os.Lstat(path)
		return err != nil || info.Mode()&os.ModeSymlink == 0
	})
}

// isSystem reports whether a directory is the system's, or holds all of a kind.
func isSystem(dir string) bool {
	if slices.Contains([]string{"/", "/var", "/home", "/opt", "/srv", "/mnt", "/media", "/run", "/tmp", "/var/lib", "/var/cache", "/usr/local"}, dir) {
		return true
	}
	return !isIn(dir, "/usr/local") && slices.ContainsFunc([]string{"/etc", "/usr", "/boot", "/root", "/proc", "/sys", "/dev", "/bin", "/sbin", "/lib", "/lib64", "/run"},
		func(system string) bool { return isIn(dir+"/", system) })
}

// IsUnit knows the names that capistrano-sidekiq gives: APP_sidekiq_STAGE (3), sidekiq-STAGE (2), sidekiq_APP_STAGE (its README).
func IsUnit(name, stage string) bool {
	name, _, _ = strings.Cut(strings.TrimSuffix(name, ".service"), "@")
	return strings.HasSuffix(name, "_sidekiq_"+stage) || name == "sidekiq-"+stage || strings.HasPrefix(name, "sidekiq_") && strings.HasSuffix(name, "_"+stage)
}
