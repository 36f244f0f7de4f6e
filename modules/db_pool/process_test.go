package dbpool

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

func TestEnvironment_OptionsOverrideUnit(t *testing.T) {
	directory := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	unit := write("sidekiq.service", "[Service]\nEnvironment=FROM_UNIT=1 WRAPPED=1 CHANGED=1 REMOVED=1\nEnvironmentFile=-"+directory+"/unit.env\nEnvironmentFile=-/nowhere\n")
	write("unit.env", "FROM_FILE=1\n")
	dropIn := write("override.conf", "[Service]\nEnvironment=FROM_DROP_IN=1\n")
	process := map[string]string{"FROM_UNIT": "1", "WRAPPED": "2", "CHANGED": "1", "REMOVED": "1", "FROM_FILE": "1", "FROM_DROP_IN": "1", "OWN": "1", "GIVEN": "1"}
	files := atomicfile.NewReader("/")
	options := environ.Sources{Variables: map[string]string{"FROM_UNIT": "1", "WRAPPED": "1", "CHANGED": "3", "GIVEN": "3"}, Files: files}

	state := systemd.State{FragmentPath: unit, DropIns: []string{dropIn}, MainStart: time.Microsecond}
	foreign := map[string]string{}
	got, err := environment(process, state, options, foreign)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"FROM_UNIT": "1", "WRAPPED": "1", "CHANGED": "3", "OWN": "1", "GIVEN": "3", "FROM_DROP_IN": "1"}, got, "the unit is newer than the process")
	require.Equal(t, map[string]string{"FROM_DROP_IN": dropIn}, foreign)

	old := time.Unix(0, 0)
	for _, path := range []string{unit, dropIn, directory + "/unit.env"} {
		require.NoError(t, os.Chtimes(path, old, old))
	}
	got, err = environment(process, state, options, foreign)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"FROM_UNIT": "1", "WRAPPED": "2", "CHANGED": "3", "OWN": "1", "GIVEN": "3", "FROM_DROP_IN": "1"}, got, "something else sets WRAPPED")
	require.Contains(t, foreign, "WRAPPED")
}
