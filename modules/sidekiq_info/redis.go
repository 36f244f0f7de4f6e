package sidekiqinfo

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// findRedis finds the Redis of a service that does not run here. It reads no file when the URL is given: an ordinary user may not be allowed to.
func findRedis(o *options, l sidekiq.Locator) (sidekiq.Client, error) {
	if o.RedisURL != "" {
		return l.Predicted(environ.None)
	}
	env, err := l.Environ()
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; hint: become: true, or give option %q", err, "redis_url")
	}
	if err != nil {
		return sidekiq.Client{}, fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err)
	}
	return l.Predicted(env)
}

// unreachable adds to an error of Redis what to do about it. source is that of its URL.
func unreachable(source string, err error) error {
	hint := "start Redis, or tell where it is: the files with REDIS_URL in option \"dotenv_files\" or \"environment_files\", or option \"redis_url\""
	switch text := err.Error(); {
	case strings.Contains(text, "hint:"):
		return fmt.Errorf("cannot ask Redis (from %s): %w", source, err)
	case errors.Is(err, fs.ErrPermission): // a socket
		hint = "become: true"
	case strings.Contains(text, "NOAUTH"), strings.Contains(text, "WRONGPASS"):
		hint = "the URL must hold the password of this Redis, and the user if it has one: redis://user:password@host"
	case strings.Contains(text, "NOPERM"):
		hint = "the access list of this Redis must let its user read the keys of Sidekiq"
	}
	return fmt.Errorf("cannot ask Redis (from %s): %w; hint: %s", source, err, hint)
}
