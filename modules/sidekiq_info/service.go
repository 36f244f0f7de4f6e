package sidekiqinfo

import (
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// service are the units of the service on this host.
type service struct {
	exists  bool
	running []unit
}

type unit struct {
	name        string
	state       systemd.State
	evidence    sidekiq.Evidence
	environment environ.Sources // of its process, else of its unit
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
	names := systemd.ServiceUnits("/", o.Service)
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

// observe asks the processes, and returns the Redis in which their heartbeats were found: one, in most cases.
func (s *service) observe(l sidekiq.Locator, f proc.FS) (all []sidekiq.Client) {
	var located []sidekiq.Found
	for i := range s.running {
		u := &s.running[i]
		process := f.Process(u.state.MainPID)
		variables, _ := process.Environ()                    // else those of its unit
		text, _ := l.Files.ReadIfThere(u.state.FragmentPath) // else none: of a masked unit it is no file
		given := l.Environment
		given.Variables, given.EnvironmentFiles = systemd.UnitFile{Text: string(text)}.Environment()
		started, _ := u.state.Started() // zero where it is not known
		u.environment = given.Of(variables)
		u.evidence = l.Search(u.state.MainPID, variables, given, located...).Observe(sidekiq.MainProcess{Process: process, Started: started})
		if redis := u.evidence.Redis; redis.IsKnown() && !slices.Contains(located, redis.Found) {
			located = append(located, redis.Found)
			all = append(all, redis)
		}
	}
	return all
}

// reportPermissionErrors warns of files that the processes could not access. The journal shows them to root and the members of systemd-journal.
func (s service) reportPermissionErrors(plan *ansible.Plan) {
	for _, u := range s.running {
		journal, err := systemd.Journal(u.state.InvocationID)
		if err != nil {
			plan.Warn("cannot read the journal of %s for permission errors: %v", u.name, err)
			continue
		}
		sidekiq.ReportPermissionErrors(plan, u.name, journal)
	}
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
