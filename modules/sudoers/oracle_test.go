package sudoers

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oracle finds a program of sudo's own, or skips; with REQUIRE_ORACLES=1 its absence is a failure.
func oracle(t *testing.T, candidates ...string) string {
	t.Helper()
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	reason := fmt.Sprintf("NOT TRIED: none of %v is installed; hint: install the package sudo", candidates)
	if os.Getenv("REQUIRE_ORACLES") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}

// grant is what sudo reads in a line: one command for one list of users.
type grant struct {
	Users, Hosts, Runas []string
	NoPassword          bool
	Command             string
}

// asked are the grants of requests, from their plain words.
func asked(requests []Request) []grant {
	var all []grant
	for _, q := range requests {
		users := append([]string{}, q.Users...)
		for _, g := range q.Groups {
			users = append(users, "%"+strings.TrimPrefix(g, "%"))
		}
		for _, c := range q.Commands {
			all = append(all, grant{users, q.Hosts, q.Runas, q.NoPassword, c})
		}
	}
	return all
}

// policyJSON is the output of cvtsudoers -f json.
type policyJSON struct {
	Specs []struct {
		Users []map[string]any `json:"User_List"`
		Hosts []map[string]any `json:"Host_List"`
		Cmnds []struct {
			Runas    []map[string]any  `json:"runasusers"`
			Options  []map[string]bool `json:"Options"`
			Commands []map[string]any  `json:"Commands"`
		} `json:"Cmnd_Specs"`
	} `json:"User_Specs"`
	Defaults, User_Aliases, Command_Aliases any
}

// marks are how names stand in a Request, by cvtsudoers' words for them. A kind that is not here was never asked for.
var marks = map[string]string{"username": "", "usergroup": "%", "userid": "#", "usergid": "%#", "hostname": "", "command": ""}

func plain(t *testing.T, items []map[string]any) []string {
	t.Helper()
	var words []string
	for _, item := range items {
		require.Len(t, item, 1, "a negation or the like")
		for kind, value := range item {
			require.Contains(t, marks, kind)
			if f, ok := value.(float64); ok {
				value = int64(f)
			}
			words = append(words, marks[kind]+fmt.Sprint(value))
		}
	}
	return words
}

// readBack is what sudo's own parser finds in a file.
func readBack(t *testing.T, path string) []grant {
	t.Helper()
	out, err := exec.Command(oracle(t, "/usr/bin/cvtsudoers"), "-f", "json", path).Output()
	require.NoError(t, err)
	var policy policyJSON
	require.NoError(t, json.Unmarshal(out, &policy))
	require.Nil(t, policy.Defaults)
	require.Nil(t, policy.User_Aliases)
	require.Nil(t, policy.Command_Aliases)
	var all []grant
	for _, spec := range policy.Specs {
		for _, c := range spec.Cmnds {
			require.Len(t, c.Options, 1)
			require.Contains(t, c.Options[0], "authenticate")
			for _, command := range plain(t, c.Commands) {
				all = append(all, grant{plain(t, spec.Users), plain(t, spec.Hosts), plain(t, c.Runas), !c.Options[0]["authenticate"], command})
			}
		}
	}
	return all
}

// requireExact demands that visudo accepts the file and that it grants what was asked for and nothing else.
func requireExact(t *testing.T, requests []Request, f File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "candidate")
	require.NoError(t, os.WriteFile(path, []byte(f.Text()), 0o440))
	visudo := oracle(t, "/usr/sbin/visudo", "/usr/bin/visudo")
	out, err := exec.Command(visudo, "-c", "-f", path).CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, f.Text())
	require.Equal(t, asked(requests), readBack(t, path), f.Text())
	if _, err := os.Stat("/usr/bin/visudo-rs"); err == nil && !hasEquals(requests) {
		out, err := exec.Command("/usr/bin/visudo-rs", "-c", "-f", path).CombinedOutput()
		require.NoError(t, err, "%s\n%s", out, f.Text())
	}
}

// hasEquals tells whether a command has a `=`, which sudo-rs before 0.2.8 refuses.
func hasEquals(requests []Request) bool {
	for _, q := range requests {
		if strings.Contains(strings.Join(q.Commands, " "), "=") {
			return true
		}
	}
	return false
}

// Whatever the words are: they are refused, or sudo reads exactly them.
func FuzzWordsAreRefusedOrReadBackExactly(f *testing.F) {
	f.Add("deploy", "ops", "ALL", "root", "/bin/systemctl restart sidekiq", true)
	f.Add("#1000", "#27", "web1.example.org", "#0", "/opt/x a,b c:d e#f g=h =i ,=j k=:", false)
	f.Add("0day", "a.b", "cafe", "ALL", `/opt/x ""`, true)
	f.Add("a.", "a-", "1a", "a", "/a@b+c ,,:: ## -- @ % =a,", false)
	f.Add("deploy", "ops", "ALL", "root", "/opt/x, /bin/sh", true)
	f.Add("deploy", "ops", "ALL", "root", "/opt/x\nroot ALL=(ALL) ALL", true)
	f.Add("deploy, root", "ops) ALL", "ALL=(ALL", "root:root", "/opt/x #", true)
	f.Add("defaults", "include", "e", "s", "/etc/sudoers include @include includedir", true)
	f.Fuzz(func(t *testing.T, user, group, host, runas, command string, noPassword bool) {
		requests := []Request{{
			Users: []string{user}, Groups: []string{group}, Hosts: []string{host}, Runas: []string{runas},
			Commands: []string{command}, NoPassword: noPassword,
		}}
		rule, err := ParseRule(requests[0])
		if err != nil {
			require.Equal(t, Rule{}, rule)
			return
		}
		requireExact(t, requests, File{rule})
	})
}

// Random bytes seldom make a rule; words put together from the parts that are accepted often do.
func TestRandomFilesReadBackExactly(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var requests []Request
		var f File
		for len(f) < 10 {
			q := randomRequest(random)
			if r, err := ParseRule(q); err == nil {
				requests, f = append(requests, q), append(f, r)
			}
		}
		requireExact(t, requests, f)
	}
}

func randomRequest(r *rand.Rand) Request {
	names := func() []string { return some(r, func() string { return text(r, 1, 8, "abz019._-") }) }
	mix := func(marks ...string) []string {
		l := names()
		for i := range l {
			if r.IntN(3) == 0 {
				l[i] = marks[r.IntN(len(marks))]
			}
		}
		return l
	}
	command := func() string {
		c := "/" + text(r, 1, 10, "abz019._-+@/")
		for range r.IntN(4) {
			c += " " + text(r, 1, 6, "ab9._-+@/=%,:#=,:#")
		}
		if r.IntN(8) == 0 {
			c += ` ""`
		}
		return c
	}
	return Request{
		Users: mix("#0", "#999999999", "%#7", "%ops"), Groups: mix("#42", "ops"), Hosts: mix("ALL"), Runas: mix("ALL", "#0"),
		Commands: some(r, command), NoPassword: r.IntN(2) == 0,
	}
}

func some(r *rand.Rand, one func() string) []string {
	l := []string{one()}
	for range r.IntN(3) {
		l = append(l, one())
	}
	return l
}

func text(r *rand.Rand, shortest, longest int, alphabet string) string {
	b := make([]byte, shortest+r.IntN(longest-shortest+1))
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}
