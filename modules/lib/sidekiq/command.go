package sidekiq

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Swarm is the program of Sidekiq Enterprise that starts several processes of Sidekiq and is their parent.
const Swarm = "sidekiqswarm"

// Programs are the programs that start Sidekiq, the default first.
var Programs = []string{"sidekiq", Swarm}

// Command is the command that starts a process of Sidekiq. It has only the flags that are asked for: all else is set by the application's own
// configuration. timeout is the shutdown timeout in seconds; nil: no flag.
func Command(bundle, railsEnv string, p ProcessOptions, timeout *int) []string {
	c := []string{bundle, "exec", p.Program(), "-e", railsEnv}
	if p.Config != "" {
		c = append(c, "-C", p.Config)
	}
	if p.Concurrency != nil {
		c = append(c, "-c", strconv.Itoa(*p.Concurrency))
	}
	if timeout != nil {
		c = append(c, "-t", strconv.Itoa(*timeout))
	}
	for _, q := range p.Queues {
		c = append(c, "-q", q)
	}
	return c
}

// CommandLine is a command line that starts Sidekiq. An option that it does not have is "".
type CommandLine struct {
	Starter                                   []string // the words before the program
	Program                                   string   // one of Programs
	Environment, Config, Concurrency, Timeout string
	Queues                                    []string
	HasOthers                                 bool // it has other options
}

// ParseCommandLine parses a command line, or one that passes another to a shell: quotes are ignored. It is nil for one that does not start
// Sidekiq.
func ParseCommandLine(line string) *CommandLine {
	words := strings.Fields(strings.NewReplacer(`"`, " ", "'", " ").Replace(line))
	at := IndexProgram(words, Programs...)
	if at < 0 {
		return nil
	}
	c := &CommandLine{Starter: words[:at], Program: fileName(words[at]), HasOthers: len(words[at+1:])%2 != 0}
	for option := range slices.Chunk(words[at+1:], 2) {
		value := option[len(option)-1]
		switch option[0] {
		case "-e", "--environment":
			c.Environment = value
		case "-C", "--config":
			c.Config = value
		case "-c", "--concurrency":
			c.Concurrency = value
		case "-t", "--timeout":
			c.Timeout = value
		case "-q", "--queue":
			c.Queues = append(c.Queues, value)
		default:
			c.HasOthers = true
		}
	}
	return c
}

// IndexProgram is the index of the first of some programs, by name or path, among the words of a command line; -1 if none is there.
func IndexProgram(words []string, names ...string) int {
	return slices.IndexFunc(words, func(w string) bool { return slices.Contains(names, fileName(w)) })
}

func fileName(file string) string { return file[strings.LastIndex(file, "/")+1:] }

// versionTimeout is long: Bundler loads its whole index first.
const versionTimeout = 60 * time.Second

var versionLine = lazyregexp.New(`(?im)^sidekiq (\S+)`)

// AskVersion runs `bundle exec sidekiq -V` as the user, in the directory of the application. A failure of the command, or output without a
// version, is no error: the version is then unknown.
func AskVersion(user accounts.User, bundle, dir string) (Version, error) {
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	cmd, err := user.Command(ctx, bundle, "exec", "sidekiq", "-V")
	if err != nil {
		return Version{}, err
	}
	cmd.Dir = dir
	out, err := cmd.Output()
	m := versionLine().FindSubmatch(out)
	if err != nil || m == nil {
		return Version{}, nil
	}
	return ParseVersion(string(m[1]))
}
