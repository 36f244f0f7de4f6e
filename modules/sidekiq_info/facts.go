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

// facts are what Redis and the application show.
type facts struct {
	place, source string // of the Redis, and of its URL
	server        sidekiq.Server
	processes     []process
	overview      sidekiq.Overview
	used          bool // a Sidekiq has ever used the Redis

	app
	unknown []string // what could not be read, and why
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

func gather(o *options) (*facts, error) {
	files := atomicfile.NewReader("/")
	redis, err := findRedis(o, files)
	if err != nil {
		return nil, err
	}
	f, err := readRedis(redis, o.RedisNamespace)
	if err != nil {
		return nil, unreachable(redis, err)
	}
	if o.AppRoot != "" {
		var unknown []string
		f.app, unknown = gatherApp(o.AppRoot, files)
		f.unknown = append(f.unknown, unknown...)
	}
	return f, nil
}

func findRedis(o *options, files *atomicfile.Reader) (sidekiq.Found, error) {
	env, err := serviceEnviron(o, files)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; hint: become: true, or give option %q", err, "redis_url")
	}
	if err != nil {
		return sidekiq.Found{}, fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err)
	}
	return sidekiq.FindRedis(o.RedisURL, env, o.AppRoot, o.RailsEnv, files.ReadIfThere)
}

// serviceEnviron reads no file when the URL is given: an ordinary user may not be allowed to. Sidekiq sets the variables of Rails itself,
// before dotenv reads its files.
func serviceEnviron(o *options, files *atomicfile.Reader) (environ.Environ, error) {
	if o.RedisURL != "" {
		return environ.None, nil
	}
	sources := o.Sources(files)
	sources.Variables["RAILS_ENV"], sources.Variables["RACK_ENV"] = o.RailsEnv, o.RailsEnv
	return sources.Environ()
}

// unreachable adds to an error of Redis what to do about it.
func unreachable(redis sidekiq.Found, err error) error {
	hint := "start Redis, or tell where it is: the files with REDIS_URL in option \"dotenv_files\" or \"environment_files\", or option \"redis_url\""
	switch text := err.Error(); {
	case strings.Contains(text, "hint:"):
		return fmt.Errorf("cannot ask Redis (from %s): %w", redis.Source, err)
	case errors.Is(err, fs.ErrPermission): // a socket
		hint = "become: true"
	case strings.Contains(text, "NOAUTH"), strings.Contains(text, "WRONGPASS"):
		hint = "the URL must hold the password of this Redis, and the user if it has one: redis://user:password@host"
	case strings.Contains(text, "NOPERM"):
		hint = "the access list of this Redis must let its user read the keys of Sidekiq"
	}
	return fmt.Errorf("cannot ask Redis (from %s): %w; hint: %s", redis.Source, err, hint)
}

func readRedis(from sidekiq.Found, namespace string) (*facts, error) {
	redis, err := sidekiq.Open(from.URL, namespace)
	if err != nil {
		return nil, err
	}
	defer redis.Close() // everything was read
	f := &facts{place: redis.Place(), source: from.Source}
	if f.processes, err = readProcesses(redis); err != nil {
		return nil, err
	}
	if f.overview, err = redis.Overview(); err != nil {
		return nil, err
	}
	if f.used, err = redis.HasSidekiq(); err != nil {
		return nil, err
	}
	if f.server, err = redis.Server(); err != nil {
		f.unknown = []string{fmt.Sprintf("whether this Redis fits is not known: %v", err)}
	}
	return f, nil
}

func readProcesses(redis *sidekiq.Redis) ([]process, error) {
	processes, err := redis.Processes()
	if err != nil {
		return nil, err
	}
	var all []process
	for _, p := range processes {
		jobs, err := redis.Jobs(p.Identity)
		if err != nil {
			return nil, err
		}
		all = append(all, process{p, jobs})
	}
	return all, nil
}

// gatherApp has no error: what cannot be read of the application is only not compared.
func gatherApp(root string, files *atomicfile.Reader) (a app, unknown []string) {
	a.root = root
	var err error
	if a.hostname, err = os.Hostname(); err == nil {
		a.released, err = releasedAt(root)
	}
	if err != nil {
		unknown = append(unknown, fmt.Sprintf("option %q: whether processes are older than the release is not known: %v", "app_root", err))
	}
	lockfile := filepath.Join(root, "Gemfile.lock")
	source, err := files.ReadLockfile(lockfile)
	if err == nil {
		a.version, err = sidekiq.LockedVersion(source, "sidekiq")
	}
	if err != nil {
		unknown = append(unknown, fmt.Sprintf("whether Redis is new enough for the application is not known: %s: %v", lockfile, err))
	}
	return a, unknown
}

// releasedAt is the time of the link, which each deploy makes anew; that of a directory changes with its entries.
func releasedAt(root string) (time.Time, error) {
	info, err := os.Lstat(root)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
