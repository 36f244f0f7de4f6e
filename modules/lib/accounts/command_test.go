package accounts

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A child that outlives the program is killed with it, and does not keep the caller waiting.
func TestUser_Command(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("running a program as another user needs root")
		}
		t.Skip("SKIPPED: running a program as another user needs root")
	}
	nobody, err := LookUpUser("nobody")
	require.NoError(t, err)
	require.NotNil(t, nobody)

	t.Setenv("TOKEN", "hush")
	cmd, err := nobody.Command(context.Background(), "/bin/sh", "-c", `echo "$(id -un) $PWD $USER [$TOKEN]"`)
	require.NoError(t, err)
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "nobody / nobody []\n", string(out))

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	cmd, err = nobody.Command(ctx, "/bin/sh", "-c", "sleep 600 & sleep 600")
	require.NoError(t, err)
	_, err = cmd.Output()
	require.Error(t, err)
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
}

func TestIsMember(t *testing.T) {
	isMember, err := IsMember("root", "root")
	require.NoError(t, err)
	require.True(t, isMember)
	isMember, err = IsMember("root", "nogroup")
	require.NoError(t, err)
	require.False(t, isMember)
	_, err = IsMember("nobody-at-all", "root")
	require.Error(t, err)
}
