package sidekiq

import (
	"fmt"
	"strings"
)

// Server is what a Redis tells of itself.
type Server struct {
	Version         string // such as 7.0.15; "" when it does not tell
	MaxmemoryPolicy string // what it does when its memory is full, "noeviction" as it should be; "" when it does not tell, as before Redis 4
}

// Server asks. An access list of Redis may forbid it, which is an error.
func (r *Redis) Server() (Server, error) {
	var s Server
	for _, section := range []string{"server", "memory"} {
		text, err := r.text("INFO", section)
		if err != nil {
			return Server{}, err
		}
		for line := range strings.Lines(text) {
			switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name {
			case "redis_version":
				s.Version = value
			case "maxmemory_policy":
				s.MaxmemoryPolicy = value
			}
		}
	}
	return s, nil
}

// Faults say where a Redis does not suit a Sidekiq, which logs the first itself (lib/sidekiq/cli.rb) and does not start with the second.
func (s Server) Faults(v Version) []string {
	var all []string
	if s.MaxmemoryPolicy != "" && s.MaxmemoryPolicy != "noeviction" {
		all = append(all, fmt.Sprintf("this Redis drops jobs when its memory is full: its maxmemory-policy is %q; hint: set it to noeviction", s.MaxmemoryPolicy))
	}
	if fault := s.TooOld(v, "the application"); fault != "" {
		all = append(all, fault)
	}
	return all
}

// TooOld says that a Redis is too old for a Sidekiq, "" when it is not or that is not known.
func (s Server) TooOld(v Version, whose string) string {
	floor := v.RedisFloor()
	if s.Version == "" || RedisAtLeast(s.Version, floor) {
		return ""
	}
	return fmt.Sprintf("Redis %s is too old for Sidekiq %s of %s, which wants %s or later", s.Version, v, whose, floor)
}

// RedisFloor is the oldest Redis with which this Sidekiq starts (lib/sidekiq/cli.rb, run); "" for an unknown version.
func (v Version) RedisFloor() string {
	switch {
	case v.AtLeast(8, 0, 1):
		return "7.0"
	case v.AtLeast(8, 0, 0):
		return "7.2"
	case v.AtLeast(7, 0, 0):
		return "6.2"
	case v.AtLeast(6, 0, 0):
		return "4.0"
	case v.Known():
		return "2.8"
	}
	return ""
}

// RedisAtLeast reports whether the version of a server is a floor or later. A version that is not understood is taken for late enough.
func RedisAtLeast(server, floor string) bool {
	version, err := ParseVersion(server)
	least, floorErr := ParseVersion(floor)
	return err != nil || floorErr != nil || version.AtLeast(least.major, least.minor, least.patch)
}
