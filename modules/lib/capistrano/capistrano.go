// Package capistrano describes the layout of a Capistrano deployment, and the names of capistrano-sidekiq's units.
package capistrano

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Deployment is a deployed application: its directory, and the directory with current, releases and shared; "" without Capistrano.
type Deployment struct{ AppRoot, Root string }

// RootOf is the directory above an appRoot named current, with releases and shared in it; "" for any other appRoot.
func RootOf(appRoot string) string {
	if path.Base(appRoot) != "current" {
		return ""
	}
	return path.Dir(appRoot)
}

// Project is the name of the application: that of the directory above current, hyrax for /opt/hyrax/current.
func (d Deployment) Project() string {
	return path.Base(d.Top())
}

// Owns reports whether a directory is AppRoot, current or in a release. Other directories in Root do not count: Root may be /opt.
func (d Deployment) Owns(dir string) bool {
	clean := path.Clean(dir)
	isRelease := d.Root != "" && (clean == path.Join(d.Root, "current") || isIn(clean, path.Join(d.Root, "releases")))
	return dir != "" && (dir == d.AppRoot || isRelease)
}

func isIn(dir, parent string) bool { return strings.HasPrefix(dir, parent+"/") }

// writable are the directories that applications write to and Capistrano links into every release.
var writable = []string{"log", "tmp", "storage", "public/system", "public/uploads"}

// Top is the directory with everything that is deployed.
func (d Deployment) Top() string { return cmp.Or(d.Root, d.AppRoot) }

// Writable are the directories that an application writes to, whether or not they exist.
func (d Deployment) Writable() []string {
	if d.Root == "" {
		return writableIn(d.AppRoot)
	}
	return append(writableIn(path.Join(d.Root, "shared")), writableIn(d.AppRoot)...)
}

// LogDir is the directory of the application's logs.
func (d Deployment) LogDir() string {
	if d.Root == "" {
		return path.Join(d.AppRoot, "log")
	}
	return path.Join(d.Root, "shared/log")
}

// Protected are the directories that only a deploy writes to: the repository of the code, and the configuration that releases share.
func (d Deployment) Protected() []string {
	if d.Root == "" {
		return nil
	}
	return []string{path.Join(d.Root, "repo"), path.Join(d.Root, "shared/config")}
}

func writableIn(root string) []string {
	var all []string
	for _, dir := range writable {
		all = append(all, path.Join(root, dir))
	}
	return all
}

// Linked are the directories outside of the deployment, such as a mounted disk, that symbolic links lead to: those in shared and those at the
// paths of Writable. root is the root directory of the host. refused are targets that a link of the deploy user must not make writable to jobs.
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

// links are the symbolic links in shared and at the paths of Writable. Before the first deploy there are none.
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

// isSystem reports whether a directory belongs to the system, or has the directories of all applications or users.
func isSystem(dir string) bool {
	if slices.Contains([]string{"/", "/var", "/home", "/opt", "/srv", "/mnt", "/media", "/run", "/tmp", "/var/lib", "/var/cache", "/usr/local"}, dir) {
		return true
	}
	return !isIn(dir, "/usr/local") && slices.ContainsFunc([]string{"/etc", "/usr", "/boot", "/root", "/proc", "/sys", "/dev", "/bin", "/sbin", "/lib", "/lib64", "/run"},
		func(system string) bool { return isIn(dir+"/", system) })
}

// IsUnit reports whether a unit has a name that capistrano-sidekiq gives it: APP_sidekiq_STAGE (version 3), sidekiq-STAGE (version 2), or
// sidekiq_APP_STAGE (its README).
func IsUnit(name, stage string) bool {
	name, _, _ = strings.Cut(strings.TrimSuffix(name, ".service"), "@")
	return strings.HasSuffix(name, "_sidekiq_"+stage) || name == "sidekiq-"+stage || strings.HasPrefix(name, "sidekiq_") && strings.HasSuffix(name, "_"+stage)
}
