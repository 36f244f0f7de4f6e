package sidekiqinfo

import (
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// service are the units of the service on this host.
type service struct {
	exists  bool
	running []unit
}

type unit struct {
	name     string
	state    systemd.State
	evidence sidekiq.Evidence
}

// findService asks systemd. Where it is not booted, as on a host that only has the Redis, there is no service.
func findService(o *options) (s service, err error) {
	if !systemd.Booted("/") {
		return s, nil
	}
	ctl, err := systemd.Find("/")
	if err != nil {
		return s, err
	}
	names, err := ctl.Instances(o.Service + "@.service")
	if err != nil {
		return s, err
	}
	names = append([]string{o.Service + ".service"}, names...)
	states, err := ctl.ShowAll(names...)
	if err != nil {
		return s, err
	}
	for i, state := range states {
		s.exists = s.exists || state.Exists()
		if state.Up() {
			s.running = append(s.running, unit{name: names[i], state: state})
		}
	}
	return s, nil
}

// observe asks the processes, and returns the Redis of the first one whose heartbeat is found; the zero Client if none is.
func (s *service) observe(w sidekiq.Locator) (redis sidekiq.Client, err error) {
	var known []sidekiq.Found
	for i := range s.running {
		u := &s.running[i]
		text, err := w.Files.ReadIfThere(u.state.FragmentPath)
		if err != nil {
			return redis, err
		}
		given := w.Environment
		given.Variables, given.EnvironmentFiles = systemd.UnitFile{Text: string(text)}.Environment()
		search := w.Search(u.state.MainPID, given, known...)
		started, _ := u.state.Started() // zero where it is not known
		u.evidence = search.Observe(sidekiq.MainProcess{Process: w.Proc.Process(u.state.MainPID), Started: started})
		if u.evidence.By == sidekiq.ByHeartbeat && !redis.IsKnown() {
			redis, known = u.evidence.Redis, []sidekiq.Found{u.evidence.Redis.Found}
		}
	}
	return redis, nil
}

// pending are the restarts of which systemd_sidekiq has left a note.
func (s service) pending(n notes.Notes) []string {
	reasons := []string{}
	for _, u := range s.running {
		if reason, isFound := n.Read(u.name, notes.Restart, u.state.Identity()); isFound {
			reasons = append(reasons, u.name+": "+reason)
		}
	}
	return reasons
}
