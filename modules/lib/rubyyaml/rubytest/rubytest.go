// Package rubytest asks a real Ruby in tests. One process answers all questions of a test: one line of JSON each way.
package rubytest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ruby is a running script.
type Ruby struct {
	in  io.Writer
	out *bufio.Reader
}

// Rounds is how often a random test is repeated: usual times, or as many times more as SOAK says.
func Rounds(usual int) int {
	factor, err := strconv.Atoi(os.Getenv("SOAK"))
	if err != nil || factor < 1 {
		return usual
	}
	return usual * factor
}

// Start runs a script, a file, until the test ends. ORACLE_RUBY names another Ruby than this machine's, such as
// `docker exec -i HOST ruby`. Where there is none, or one that lacks what the script requires, the test is skipped; when oracles
// are required (REQUIRE_ORACLES=1), it fails.
func Start(t testing.TB, script string, libraries ...string) *Ruby {
	t.Helper()
	command := strings.Fields(os.Getenv("ORACLE_RUBY"))
	if len(command) == 0 {
		command = []string{"ruby"}
	}
	for _, library := range append([]string{"json"}, libraries...) {
		if exec.Command(command[0], append(command[1:], "-r", library, "-e", "")...).Run() == nil {
			continue
		}
		lack := command[0] + " with " + library + "; hint: apt-get install ruby ruby-activerecord ruby-railties"
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("REQUIRE_ORACLES=1 and there is no " + lack)
		}
		t.Skip("NOT TESTED against Ruby: there is no " + lack)
	}
	text, err := os.ReadFile(script)
	require.NoError(t, err)
	cmd := exec.Command(command[0], append(command[1:], "-EUTF-8", "--disable=did_you_mean", "-e", string(text))...)
	cmd.Stderr = os.Stderr
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
