package systemdsidekiq

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// pool is the application's database pool, as db_pool has reported it.
type pool struct {
	isChecked bool              // db_pool has run
	file      string            // database.yml; "" where there is none
	isChanged bool              // db_pool has changed the file; in check mode, would
	sizes     string            // of the databases; "" where only Ruby knows one
	variables map[string]string // of the units, where ERB computes the pool
}

// poolResult is the part of db_pool's result that counts here, and what Ansible adds to it.
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

var variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parsePool reads the value of option database_pool. The result of a task that failed or was skipped counts as none; so does that of another application,
// which Ansible keeps for the rest of a play.
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
	for name := range r.Environment {
		if err := argspec.CheckText("database_pool", name, "the name of an environment variable", variableName); err != nil {
			return pool{}, err
		}
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

// pool is that of option database_pool. Where there is no database.yml, or db_pool has not run, the units keep their variables.
func (g *gatherer) pool(s service) pool {
	p := g.checkedPool
	if p.file == "" {
		p.variables = poolVariables(s)
	}
	if isNew := !isManaged(s.main().installed.Text); isNew && !p.isChecked {
		g.warn("the database pool was not checked; hint: run db_pool before, and give its result as option %q", "database_pool")
	}
	return p
}

// poolComment begins the comment of a unit with the names of the variables that give its process a large enough pool.
const poolComment = "Database pool: "

// poolVariables are the variables of the installed units that poolComment names.
func poolVariables(s service) map[string]string {
	all := map[string]string{}
	for _, u := range s {
		variables, _ := u.installed.Environment()
		for _, name := range listed(u.installed, poolComment) {
			all[name] = variables[name]
		}
	}
	return all
}

// listed are the words of a comment of a unit of this module.
func listed(u systemd.UnitFile, comment string) []string {
	if !isManaged(u.Text) {
		return nil
	}
	for line := range strings.Lines(u.Text) {
		if list, isFound := strings.CutPrefix(strings.TrimSpace(line), "# "+comment); isFound {
			return strings.Split(list, ", ")
		}
	}
	return nil
}

// comment is the poolComment of a unit, "" where the pool needs no variables.
func (p pool) comment() string { return listOf(poolComment, slices.Sorted(maps.Keys(p.variables))) }

func listOf(comment string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return comment + strings.Join(words, ", ")
}

// note is the text of a unit's poolNote: its process, and the pool that it runs with.
func (p pool) note(u *unit) string { return u.identity() + " " + p.sizes }

// notePool notes the pool with which a process was started.
func (p *planner) notePool(u *unit) error {
	if p.pool.sizes == "" || !p.restartsOn("database") {
		return nil
	}
	return p.note(u.name, poolNote, p.pool.note(u))
}
