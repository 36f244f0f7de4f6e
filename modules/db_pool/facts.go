package dbpool

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// facts are what the host shows. If database.yml or an environment file does not exist, nothing else is read.
type facts struct {
	database *database // nil: none of the paths exists
	missing  []error   // one for each environment file that does not exist
	process  process
	service  sidekiq.Service
	environ  environ.Environ // of the application
}

func gather(o *options) (*facts, error) {
	links := atomicfile.FollowOwn
	if o.AllowForeignLinks {
		links = atomicfile.Follow
	}
	d, err := findDatabase(o.Path, links)
	if err != nil || d == nil {
		return &facts{}, err
	}
	files := atomicfile.NewReader("/")
	f := &facts{database: d}
	for _, path := range o.EnvironmentFiles {
		if _, err := (environ.Sources{EnvironmentFiles: []string{path}, Files: files}).FileOf(""); errors.Is(err, fs.ErrNotExist) {
			f.missing = append(f.missing, err)
		}
	}
	if len(f.missing) > 0 {
		return f, nil
	}
	if f.process, err = findProcess(o, files); err != nil {
		return nil, err
	}
	f.service = sidekiq.Service{RailsEnv: o.RailsEnv, AppRoot: o.root(), Environment: o.Sources(files).Of(f.process.variables), Files: files}
	f.environ, err = f.service.Environ()
	return f, err
}

// root is the directory of the application: app_root, or above that of sidekiq_config; else "".
func (o *options) root() string {
	switch {
	case o.AppRoot != nil:
		return *o.AppRoot
	case len(o.SidekiqConfig) > 0:
		return filepath.Dir(filepath.Dir(o.SidekiqConfig[0]))
	}
	return ""
}
