package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// fakeAnsible runs the next of the scripts play0, play1 and so on for each playbook.
const fakeAnsible = `#!/bin/sh
cd "$FAKES"
for argument; do
  case $argument in *.yml)
    for play in play*; do break; done
    mv "$play" current
    . ./current || exit
  esac
done
`

// fakeDocker runs the scripts check and worker instead of those of the package, and reports two calls of a module.
const fakeDocker = `#!/bin/sh
cd "$FAKES"
case "$4 $5 $6" in
'sh -s /'*) cat >/dev/null; . ./check ;;
'sh -s '*) cat >/dev/null; . ./worker ;;
*'; cat "/var/lib/crash/'*) printf 'openat 1\nrename 2\n' ;;
esac
`

// Scripts.
const (
	changes    = `printf '\nPLAY [all] ***\nchanged: [crash-host]\n'`
	noop       = `printf '\nPLAY [all] ***\nok: [crash-host]\n'`
	killed     = `printf '\nPLAY [all] ***\nfatal: [crash-host]: FAILED! => the module gave no answer\n'; false`
	noSudo     = `echo sudo does not work >&2; false`
	noSudoOnce = `mv check after; echo "mv after check; ` + noSudo + `" >check; ` + killed
)

// checkScript returns a script that prints the state of the service and of the files.
func checkScript(unit, secrets string) string {
	return fmt.Sprintf(`printf '%%s\n' active pool rules %s %s`, unit, secrets)
}

type fakes struct {
	plays         []string
	check, worker string
}

// newTarget returns a target with fakes for its programs.
func newTarget(t *testing.T, f fakes) *target {
	t.Helper()
	if f.check == "" {
		f.check = checkScript("text", absent)
	}
	bin, dir := t.TempDir(), t.TempDir()
	texts := map[string]string{
		filepath.Join(bin, "ansible-playbook"): fakeAnsible, filepath.Join(bin, "docker"): fakeDocker,
		filepath.Join(dir, "check"): f.check, filepath.Join(dir, "worker"): f.worker,
	}
	for i, text := range f.plays {
		texts[filepath.Join(dir, fmt.Sprint("play", i))] = text
	}
	for path, text := range texts {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("FAKES", dir)
	l, err := lab.New(t.Context(), "crash", false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	wanted := state{"database.yml": "pool", "sudoers": "rules", "unit": "text", "secrets": absent}
	return &target{Lab: l, host: lab.Host{Name: "crash-host"}, now: "A", states: map[string]state{"B": wanted}}
}

func TestRecover(t *testing.T) {
	repaired := []string{changes, noop}
	for name, c := range map[string]struct {
		fakes
		want string // "": no error
	}{
		"no changes":      {fakes{plays: []string{noop, noop}}, ""},
		"repaired":        {fakes{plays: repaired}, ""},
		"failed":          {fakes{plays: []string{changes, killed}}, "the next runs: ansible failed"},
		"changed twice":   {fakes{plays: []string{changes, changes}}, "the run after the next one changed something: \nPLAY [all] ***\nchanged: [crash-host]"},
		"changed at last": {fakes{plays: []string{noop, changes}}, "the run after the next one changed something"},
		"another file":    {fakes{plays: repaired, check: checkScript("other", absent)}, "unit is not the same as after a run that is not killed"},
		"a new file":      {fakes{plays: repaired, check: checkScript("text", "secret")}, "secrets is not the same"},
		"broken sudo":     {fakes{plays: repaired, check: noSudo}, "sudo does not work"},
		"no worker":       {fakes{plays: repaired, worker: "echo no heartbeat >&2; exit 1"}, "no heartbeat"},
	} {
		t.Run(name, func(t *testing.T) {
			target := newTarget(t, c.fakes)
			err := target.recover(t.Context(), situation{"change", "A", "B", "started"}, time.Now())
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, "B", target.now)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestTry(t *testing.T) {
	unreachable := strings.Replace(killed, "FAILED! => the module gave no answer", "UNREACHABLE!", 1)
	for name, c := range map[string]struct {
		run, after, want string // want "": no error
	}{
		"repaired":             {killed, noop, ""},
		"not repaired":         {killed, changes, "found service active; then the run after the next one changed something"},
		"not killed":           {changes, noop, "the module ended after 2 calls: openat 1\nrename 2"},
		"killed, but no error": {killed + "; true", noop, "the module ended after 2 calls"},
		"another failure":      {unreachable, noop, "the module was not killed: \nPLAY [all] ***\nfatal: [crash-host]: UNREACHABLE!"},
		"broken sudo":          {noSudoOnce, noop, "sudo does not work"},
		"half a file":          {"sed -i s/rules/ru/ check; " + killed, noop, "sudoers is neither the old one nor the new one"},
	} {
		t.Run(name, func(t *testing.T) {
			target := newTarget(t, fakes{plays: []string{c.run, changes, c.after}})
			r := &row{module: "db_pool", situation: situation{"change", "A", "B", "started"}, found: map[string]map[string]int{}}
			call, err := target.try(t.Context(), kill{r, 2})
			require.Equal(t, "rename 2", call)
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}
