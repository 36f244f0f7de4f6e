package hosts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRunGivesWhatTheProgramSays(t *testing.T) {
	out, err := Run(t.Context(), strings.NewReader("one\n"), "sh", "-c", "echo noise >&2; cat; exit $0", "0")
	require.NoError(t, err)
	require.Equal(t, "one", out)
}

func TestRunEndsItsErrorWithStandardError(t *testing.T) {
	_, err := Run(t.Context(), nil, "sh", "-c", "echo output; echo first >&2; echo last >&2; exit 3")
	require.ErrorContains(t, err, "exit status 3: output\nfirst\nlast")
	require.Equal(t, "last", LastLine(err))
}

func TestAProgramThatIsBrokenOffMayFinish(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := Run(ctx, nil, "sh", "-c", `trap 'touch "$0"; exit 1' TERM; while :; do sleep 0.05; done`, done)
	require.Error(t, err)
	_, err = os.Stat(done)
	require.NoError(t, err)
}

func TestLastLine(t *testing.T) {
	require.Equal(t, "ERROR: a", LastLine(errors.New("pip: exit status 1: WARNING\nERROR: a\n")))
	require.Equal(t, "one", LastLine(errors.New("one")))
}
