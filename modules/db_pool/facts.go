package dbpool

import (
	"errors"
	"io/fs"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// facts are what the host shows. If database.yml or an environment file does not exist, nothing else is read.
type facts struct {
	database *database // nil: none of the paths exists
	missing  []error   // one for each environment file that does not exist
	service  sidekiq.Service
	required connections.Wanted // of each pool
	by       databaseyml.Reader // the application
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
	f := &facts{database: d, service: sidekiq.Service{
		RailsEnv: o.RailsEnv, Lockfile: o.lockfile(), Environment: o.Sources(files), Files: files,
	}}
	for _, path := range o.EnvironmentFiles {
		if _, err := (environ.Sources{EnvironmentFiles: []string{path}, Files: files}).FileOf(""); errors.Is(err, fs.ErrNotExist) {
			f.missing = append(f.missing, err)
		}
	}
	if len(f.missing) > 0 {
		return f, nil
	}
	if o.size > 0 {
		f.required = connections.Wanted{Size: o.size, By: `option "pool"`}
	} else if f.required, err = connections.Required(f.service, o.processes(), o.Headroom); err != nil {
		return nil, err
	}
	f.by, err = connections.Reader(f.service)
	return f, err
}
