package sidekiqinfo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// found is what Redis and the application tell.
type found struct {
	place, source string // of the Redis, and of its URL
	server        sidekiq.Server
	processes     []process
	overview      sidekiq.Overview
	used          bool // a Sidekiq has ever used the Redis

	app
	unknown []string // what could not be seen, and why
}

type process struct {
	sidekiq.Process
	jobs []sidekiq.Job
}

// app is what is known of the application on this host.
type app struct {
	hostname string
	root     string
	released time.Time       // when the link app_root was made; zero: not known
	version  sidekiq.Version // of Gemfile.lock
}

func look(p *Params) (*found, error) {
	f := &found{app: app{root: p.AppRoot}}
	url, err := f.findRedis(p)
	if err != nil {
		return nil, err
	}
	if err := f.ask(url, p.RedisNamespace); err != nil {
		return nil, f.unreachable(err)
	}
	f.lookAtApp()
	return f, nil
}

// findRedis reads no file when the URL is given: an ordinary user may not be allowed to.
func (f *found) findRedis(p *Params) (url string, err error) {
	var env environ.Environ = environ.None
	if p.RedisURL == "" {
		env, err = p.workerEnvironment().Environ()
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; hint: become: true, or give option %q", err, "redis_url")
	}
	if err != nil {
		return "", fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err)
	}
	redis, err := sidekiq.FindRedis(p.RedisURL, env, p.AppRoot, p.RailsEnv, atomicfile.ReadIfThere)
	f.source = redis.Source
	return redis.URL, err
}

// unreachable says what to do about a Redis that cannot be asked.
func (f *found) unreachable(err error) error {
	hint := "start Redis, or tell where it is: the files with REDIS_URL in option \"dotenv_files\" or \"environment_files\", or option \"redis_url\""
	switch text := err.Error(); {
	case strings.Contains(text, "hint:"):
		return fmt.Errorf("cannot ask Redis (from %s): %w", f.source, err)
	case errors.Is(err, fs.ErrPermission): // a socket
		hint = "become: true"
	case strings.Contains(text, "NOAUTH"), strings.Contains(text, "WRONGPASS"):
		hint = "the URL must hold the password of this Redis, and the user if it has one: redis://user:password@host"
	case strings.Contains(text, "NOPERM"):
		hint = "the access list of this Redis must let its user read the keys of Sidekiq"
	}
	return fmt.Errorf("cannot ask Redis (from %s): %w; hint: %s", f.source, err, hint)
}

func (f *found) ask(url, namespace string) error {
	redis, err := sidekiq.Open(url, namespace)
	if err != nil {
		return err
	}
	defer redis.Close() // all was read
	f.place = redis.Place()
	if err := f.askProcesses(redis); err != nil {
		return err
	}
	if f.overview, err = redis.Overview(); err != nil {
		return err
	}
	if f.used, err = redis.HasSidekiq(); err != nil {
		return err
	}
	if f.server, err = redis.Server(); err != nil {
		f.unknown = append(f.unknown, fmt.Sprintf("whether this Redis fits is not known: %v", err))
	}
	return nil
}

func (f *found) askProcesses(redis *sidekiq.Redis) error {
	processes, err := redis.Processes()
	if err != nil {
		return err
	}
	for _, p := range processes {
		jobs, err := redis.Jobs(p.Identity)
		if err != nil {
			return err
		}
		f.processes = append(f.processes, process{p, jobs})
	}
	return nil
}

// lookAtApp finds no fault: what cannot be seen of the application is only not compared.
func (f *found) lookAtApp() {
	if f.root == "" {
		return
	}
	var err error
	if f.hostname, err = os.Hostname(); err == nil {
		err = f.lookAtRelease()
	}
	if err != nil {
		f.unknown = append(f.unknown, fmt.Sprintf("option %q: whether processes are older than the release is not known: %v", "app_root", err))
	}
	lockfile := filepath.Join(f.root, "Gemfile.lock")
	source, err := atomicfile.ReadLockfile(lockfile)
	if err == nil {
		f.version, err = sidekiq.LockedVersion(source, "sidekiq")
	}
	if err != nil {
		f.unknown = append(f.unknown, fmt.Sprintf("whether Redis is new enough for the application is not known: %s: %v", lockfile, err))
	}
}

// lookAtRelease takes the time of the link, which each deploy makes anew; that of a folder says nothing.
func (f *found) lookAtRelease() error {
	info, err := os.Lstat(f.root)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		f.released = info.ModTime()
	}
	return err
}
