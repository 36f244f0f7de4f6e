// Package rubytest runs Ruby in tests. One process answers all questions of a test, in lines of JSON.
package rubytest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// Ruby is a running script.
type Ruby struct {
	in  io.Writer
	out *bufio.Reader
}

// loop reads questions and prints answers, after an empty line when all libraries are loaded.
const loop = `
require "json"
$stdout.sync = true
puts
$stdin.each_line { |line| puts JSON.generate(answer(JSON.parse(line))) }`

// Start runs a script, a file that defines the method answer, until the test ends. ORACLE_RUBY is another command for
// Ruby, such as `docker exec -i HOST ruby`. Without a Ruby that has the libraries the test is skipped, or fails if
// oracles are required.
func Start(t testing.TB, script string) *Ruby {
	t.Helper()
	text, err := os.ReadFile(script)
	require.NoError(t, err)
	command := strings.Fields(cmp.Or(os.Getenv("ORACLE_RUBY"), "ruby"))
	cmd := exec.Command(command[0], append(command[1:], "-EUTF-8", "--disable=did_you_mean", "-e", string(text), "-e", loop)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	ruby := &Ruby{in: in, out: bufio.NewReader(out)}
	if err = cmd.Start(); err == nil {
		_, err = ruby.out.ReadString('\n')
	}
	if err != nil {
		testenv.NotTested(t, fmt.Sprintf("%v does not run %s: %v; hint: apt-get install ruby ruby-activerecord ruby-railties", command, script, err))
	}
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	return ruby
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
