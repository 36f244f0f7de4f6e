package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// situation is a run of the role in which a module is killed.
type situation struct {
	name  string
	from  string // the name of the variables of the run before; "": the host has no Sidekiq
	to    string // the name of its variables
	state string // its sidekiq_state
}

// situations run in order: the first on a new host, each later one on the result of the one before.
var situations = []situation{
	{"install", "", "B", "started"}, {"restart", "B", "B", "restarted"}, {"pool", "B", "C", "started"}, {"return", "C", "A", "started"}, {"change", "A", "B", "started"},
}

// row is a row of the table: the system calls of a module in a situation, and the states after kills.
type row struct {
	module string
	situation
	calls []string
	tried int                       // number of kills
	found map[string]map[string]int // file or service -> state -> number of kills
	last  string                    // the states after the last kill
}

// kill is a system call before which a module is killed.
type kill struct {
	*row
	number int
}

// path returns its name for --only.
func (k kill) path() string { return fmt.Sprintf("%s/%s/%d", k.module, k.situation.name, k.number) }

// checkOnly refuses a value of --only whose module or situation does not exist.
func checkOnly(only string) error {
	module, rest, _ := strings.Cut(only, "/")
	name, _, _ := strings.Cut(rest, "/")
	var names []string
	for _, s := range situations {
		names = append(names, s.name)
	}
	if slices.Contains(modules, module) && (name == "" || slices.Contains(names, name)) {
		return nil
	}
	return fmt.Errorf("--only: value %q is not accepted; accepted: MODULE[/SITUATION[/CALL]], MODULE: %s, SITUATION: %s",
		only, strings.Join(modules, ", "), strings.Join(names, ", "))
}

// choose spreads a number of kills evenly over the rows, and over the calls of each; 0 selects all calls.
func choose(rows []*row, points int) []kill {
	var all []kill
	for i, r := range rows {
		n := len(r.calls)
		if points > 0 {
			n = min(n, (points+len(rows)-1-i)/len(rows))
		}
		for j := range n {
			all = append(all, kill{r, (2*j+1)*len(r.calls)/(2*n) + 1})
		}
	}
	return chain(all)
}

// chain orders the kills so that each begins with the result of the one before, if possible.
func chain(all []kill) []kill {
	var chained []kill
	for state := ""; len(all) > 0; {
		i := max(0, slices.IndexFunc(all, func(k kill) bool { return k.from == state }))
		state = all[i].to
		chained, all = append(chained, all[i]), slices.Delete(all, i, i+1)
	}
	return chained
}

// find returns the kills that match MODULE[/SITUATION[/CALL]].
func find(rows []*row, only string) ([]kill, error) {
	var found []kill
	for _, k := range choose(rows, 0) {
		if strings.HasPrefix(k.path()+"/", only+"/") {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("--only: value %q matches no kill; accepted: MODULE[/SITUATION[/CALL]]", only)
	}
	return found, nil
}

// note counts the states that were found after a kill.
func (r *row) note(states map[string]string) {
	r.tried++
	var words []string
	for _, what := range slices.Sorted(maps.Keys(states)) {
		if r.found[what] == nil {
			r.found[what] = map[string]int{}
		}
		r.found[what][states[what]]++
		words = append(words, what+" "+states[what])
	}
	r.last = strings.Join(words, ", ")
}

func table(suite string, rows []*row) string {
	t := lab.Table{{"module", "run", "calls:", "kills:", "found right after the kill"}}
	for _, r := range rows {
		var found []string
		for _, what := range slices.Sorted(maps.Keys(r.found)) {
			var states []string
			for _, state := range slices.Sorted(maps.Keys(r.found[what])) {
				states = append(states, fmt.Sprintf("%s %d", state, r.found[what][state]))
			}
			found = append(found, what+": "+strings.Join(states, ", "))
		}
		t = append(t, []string{"`" + r.module + "`", r.situation.name, fmt.Sprint(len(r.calls)), fmt.Sprint(r.tried), strings.Join(found, "; ")})
	}
	return fmt.Sprintf("Debian %s. All kills: sudo works, the next run of the role succeeds, the one after it changes nothing, Sidekiq runs.\n\n%s", suite, t)
}
