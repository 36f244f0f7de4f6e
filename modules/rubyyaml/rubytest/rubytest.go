// Package rubytest asks a real Ruby in tests. One process answers all questions of a test: one line of JSON each way.
package rubytest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ruby is a running script.
type Ruby struct {
	in  io.Writer
	out *bufio.Reader
}

// Start runs a script, a file, until the test ends. It skips the test where there is no ruby, and fails it when oracles are
// required (REQUIRE_ORACLES=1).
func Start(t testing.TB, script string) *Ruby {
	t.Helper()
	path, err := exec.LookPath("ruby")
	if err != nil {
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("REQUIRE_ORACLES=1 and there is no ruby; hint: apt-get install ruby")
		}
		t.Skip("NOT TESTED against Ruby: there is no ruby; hint: apt-get install ruby")
	}
	cmd := exec.Command(path, "--disable=did_you_mean", script)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	return &Ruby{in: in, out: bufio.NewReader(out)}
}

// Ask sends a question and decodes the answer.
func (r *Ruby) Ask(t testing.TB, question, answer any) {
	t.Helper()
	line, err := json.Marshal(question)
	require.NoError(t, err)
	_, err = r.in.Write(append(line, '\n'))
	require.NoError(t, err)
	line, err = r.out.ReadBytes('\n')
	require.NoError(t, err, "ruby ended")
	require.NoError(t, json.Unmarshal(line, answer))
}
