package systemdsidekiq

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// pool is the application's database pool, as db_pool has reported it.
type pool struct {
	isChecked bool              // there is a result of db_pool
	file      string            // path of database.yml; "" if it does not exist
	isChanged bool              // db_pool has changed the file, or would in check mode
	sizes     string            // of the databases; "" if only Ruby knows one of them
	variables map[string]string // that the units set, because ERB computes the pool from them
}

// poolResult is the part of db_pool's result that this module uses, with keys that Ansible adds.
type poolResult struct {
	Failed, Skipped, Unreachable, Changed bool

	AppRoot     string            `json:"app_root"`
	Exists      *bool             `json:"exists"`
	Path        string            `json:"path"`
	Environment map[string]string `json:"environment"`
	Databases   []struct {
		Pool *int `json:"pool_after"`
	} `json:"databases"`
}

// parsePool parses the value of option database_pool. It ignores the result of a task that failed or was skipped, and that of another application, which
// Ansible keeps for the rest of a play.
func parsePool(registered map[string]any, appRoot string) (pool, error) {
	var r poolResult
	text, err := json.Marshal(registered)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if len(registered) == 0 || r.Failed || r.Skipped || r.Unreachable || appRoot == "" || r.AppRoot != "" && r.AppRoot != appRoot {
		return pool{}, nil
	}
	if err != nil || r.Exists == nil {
		return pool{}, argspec.Errorf("database_pool", "the value is not the result of a task with db_pool; hint: register that task, without a loop, and give the variable")
	}
	if err := checkVariables("database_pool", r.Environment); err != nil {
		return pool{}, err
	}
	p := pool{isChecked: true, file: r.Path, isChanged: r.Changed, variables: r.Environment}
	var sizes []string
	for _, d := range r.Databases {
		if d.Pool == nil {
			return p, nil
		}
		sizes = append(sizes, fmt.Sprint(*d.Pool))
	}
	p.sizes = strings.Join(sizes, ",")
	return p, nil
}

// pool is the pool of option database_pool. Without a result of db_pool, or if it could not read a database.yml, the units keep their variables.
func (g *gatherer) pool(s service) pool {
	p := g.checkedPool
	p.variables = maps.Clone(p.variables)
	if p.variables == nil {
		p.variables = poolVariables(s)
	}
	set := g.Variables()
	maps.DeleteFunc(p.variables, func(name, _ string) bool {
		_, isSet := set[name]
		return isSet
	})
	if !p.isChecked && slices.ContainsFunc(s.workers(), hasOtherThreads) {
		g.warn("the database pool was not checked; hint: run db_pool first, and set option %q to its result", "database_pool")
	}
	return p
}

// hasOtherThreads reports whether a process is new, or its wanted command line gives it another number of threads than the installed one.
func hasOtherThreads(u *unit) bool {
	c := sidekiq.ParseCommandLine(u.installed.Value("ExecStart"))
	if c == nil || !isManaged(u.installed.Text) {
		return true
	}
	wanted := ""
	if u.process.Concurrency != nil {
		wanted = strconv.Itoa(*u.process.Concurrency)
	}
	return c.Concurrency != wanted
}

// poolComment begins the comment of a unit that lists the variables that the unit sets for the pool.
const poolComment = "Database pool: "

// poolVariables are the variables of the installed units that are listed after poolComment.
func poolVariables(s service) map[string]string {
	all := map[string]string{}
	for _, u := range s {
		variables, _ := u.installed.Environment()
		for _, name := range parseList(u.installed, poolComment) {
			all[name] = variables[name]
		}
	}
	return all
}

// comment is the comment of a unit that lists the variables; "" for an empty list.
func (p pool) comment() string { return formatList(poolComment, slices.Sorted(maps.Keys(p.variables))) }

// notedPool are the sizes of the pools that the process of a unit is known to have; "" if that is not known.
func (h host) notedPool(u *unit) string {
	sizes, _ := h.notes().Read(u.name, notes.Pool, u.state.Identity())
	return sizes
}

// notePool writes the note, so that a later run does not restart the process for the same pool.
func (p *planner) notePool(u *unit) error {
	if p.pool.sizes == "" || !p.restartsOn("database") {
		return nil
	}
	return p.notes().Write(u.name, notes.Pool, u.state.Identity(), p.pool.sizes)
}
