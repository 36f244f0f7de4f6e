package sudoers

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// oracle finds a program of sudo or systemd.
func oracle(t *testing.T, candidates ...string) string {
	t.Helper()
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	testenv.NotTested(t, fmt.Sprintf("none of %v is installed; hint: install the packages sudo and systemd", candidates))
	return ""
}

// granted is a line as sudo reads it: one command for a list of users.
type granted struct {
	Users, Hosts, Runas, RunasGroups []string
	NoPassword, SetEnv, NoExec       bool
	Command                          string
}

// candidate is a file and the words that it was made of.
type candidate struct {
	requests []Request
	settings []string
	file     File
}

// asked returns the requested grants.
func (c candidate) asked() []granted {
	var all []granted
	for _, q := range c.requests {
		users := append([]string{}, q.Users...)
		for _, g := range q.Groups {
			users = append(users, "%"+strings.TrimPrefix(g, "%"))
		}
		var runasGroups []string
		for _, g := range q.RunasGroups {
			runasGroups = append(runasGroups, strings.TrimPrefix(g, "%"))
		}
		var alone []string
		var pairs [][2]string
		for _, as := range q.Runas {
			if user, group, isPair := strings.Cut(as, ":"); isPair {
				pairs = append(pairs, [2]string{user, strings.TrimPrefix(group, "%")})
			} else {
				alone = append(alone, as)
			}
		}
		add := func(runas, runasGroups []string) {
			for _, c := range q.Commands {
				all = append(all, granted{users, q.Hosts, runas, runasGroups, q.NoPassword, q.SetEnv, q.NoExec, c})
			}
		}
		if alone != nil {
			add(alone, nil)
		}
		if runasGroups != nil {
			add(nil, runasGroups)
		}
		for _, pair := range pairs {
			add([]string{pair[0]}, []string{pair[1]})
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
			Runas       []map[string]any  `json:"runasusers"`
			RunasGroups []map[string]any  `json:"runasgroups"`
			Options     []map[string]bool `json:"Options"`
			Commands    []map[string]any  `json:"Commands"`
		} `json:"Cmnd_Specs"`
	} `json:"User_Specs"`
	Defaults []struct {
		Binding []map[string]any `json:"Binding"`
		Options []map[string]any `json:"Options"`
	} `json:"Defaults"`
	Aliases     map[string][]map[string]any `json:"Command_Aliases"`
	UserAliases any                         `json:"User_Aliases"`
	RunAliases  any                         `json:"Runas_Aliases"`
	HostAliases any                         `json:"Host_Aliases"`
}

// marks are the prefixes of names in a Request, by cvtsudoers' names for them. Other kinds cannot be requested.
var marks = map[string]string{"username": "", "usergroup": "%", "userid": "#", "usergid": "%#", "hostname": "", "command": ""}

func plain(items []map[string]any) ([]string, error) {
	var words []string
	for _, item := range items {
		for kind, value := range item {
			mark, known := marks[kind]
			if !known || len(item) != 1 {
				return nil, fmt.Errorf("a negation or the like: %v", item)
			}
			if f, ok := value.(float64); ok {
				value = int64(f)
			}
			words = append(words, mark+fmt.Sprint(value))
		}
	}
	return words, nil
}

// readBack returns a policy as sudo's parser reads it.
func readBack(t *testing.T, path string) (grants []granted, defaults []string, err error) {
	t.Helper()
	testenv.NeedRoot(t, "cvtsudoers requires a file of root")
	out, err := exec.Command(oracle(t, "/usr/bin/cvtsudoers"), "-f", "json", path).CombinedOutput()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s", err, out)
	}
	var policy policyJSON
	if err := json.Unmarshal(out, &policy); err != nil {
		return nil, nil, fmt.Errorf("%w in %s", err, out)
	}
	if policy.UserAliases != nil || policy.RunAliases != nil || policy.HostAliases != nil {
		return nil, nil, fmt.Errorf("aliases that nobody asked for: %s", out)
	}
	for _, spec := range policy.Specs {
		for _, c := range spec.Cmnds {
			g := granted{}
			for _, o := range c.Options {
				for name, set := range o {
					switch name {
					case "authenticate":
						g.NoPassword = !set
					case "setenv":
						g.SetEnv = set
					case "noexec":
						g.NoExec = set
					default:
						return nil, nil, fmt.Errorf("option %s", name)
					}
				}
			}
			commands, commandsErr := plain(c.Commands)
			var faults [4]error
			g.Users, faults[0] = plain(spec.Users)
			g.Hosts, faults[1] = plain(spec.Hosts)
			g.Runas, faults[2] = plain(c.Runas)
			g.RunasGroups, faults[3] = plain(c.RunasGroups)
			if len(g.RunasGroups) > 0 && slices.Equal(g.Runas, []string{""}) {
				g.Runas = nil // the user itself, as sudo 1.9.16 has it
			}
			for i := range g.RunasGroups { // their position makes them groups
				g.RunasGroups[i] = strings.TrimPrefix(g.RunasGroups[i], "%")
			}
			if err := errors.Join(append(faults[:], commandsErr)...); err != nil {
				return nil, nil, err
			}
			for _, command := range commands {
				g.Command = command
				grants = append(grants, g)
			}
		}
	}
	defaults, err = policy.defaults()
	return grants, defaults, err
}

// defaults returns the settings, each with the commands that it is limited to.
func (p policyJSON) defaults() ([]string, error) {
	var all []string
	for _, d := range p.Defaults {
		if len(d.Binding) != 1 || len(d.Binding[0]) != 1 || len(d.Options) != 1 {
			return nil, fmt.Errorf("a setting for %v: %v", d.Binding, d.Options)
		}
		alias, ok := d.Binding[0]["cmndalias"].(string)
		if !ok {
			return nil, fmt.Errorf("a setting for %v", d.Binding)
		}
		commands, err := plain(p.Aliases[alias])
		if err != nil {
			return nil, err
		}
		options := map[string]any{}
		for name, value := range d.Options[0] {
			options[name] = fmt.Sprint(value)
		}
		all = append(all, fmt.Sprint(options, commands))
	}
	return all, nil
}

// askedDefaults returns the requested settings in the same form.
func (c candidate) askedDefaults() []string {
	var commands, all []string
	for _, q := range c.requests {
		for _, command := range q.Commands {
			if !slices.Contains(commands, command) {
				commands = append(commands, command)
			}
		}
	}
	for _, text := range c.settings {
		options := map[string]any{}
		if name, variables, ok := strings.Cut(text, "+="); ok {
			options = map[string]any{"operation": "list_add", name: fmt.Sprint(strings.Fields(variables))}
		} else if name, variables, ok := strings.Cut(text, "-="); ok {
			options = map[string]any{"operation": "list_remove", name: fmt.Sprint(strings.Fields(variables))}
		} else if name, value, ok := strings.Cut(text, "="); ok {
			options[name] = value
		} else {
			name, negated := strings.CutPrefix(text, "!")
			options[name] = fmt.Sprint(!negated)
		}
		all = append(all, fmt.Sprint(options, commands))
	}
	return all
}

// judge requires that visudo accepts a policy of all candidates, and that it has exactly the requested grants.
func judge(t *testing.T, all []candidate) error {
	t.Helper()
	dir := t.TempDir()
	var grants []granted
	var defaults []string
	for i, c := range all {
		name := fmt.Sprintf("f%05d", i)
		c.file.Name = FileName{name}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(c.file.Text(Dialect{})), 0o440))
		grants, defaults = append(grants, c.asked()...), append(defaults, c.askedDefaults()...)
	}
	main := filepath.Join(t.TempDir(), "sudoers")
	require.NoError(t, os.WriteFile(main, []byte("@includedir "+dir+"\n"), 0o440))
	out, err := exec.Command(oracle(t, "/usr/sbin/visudo", "/usr/bin/visudo"), "-c", "-f", main).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	gotGrants, gotDefaults, err := readBack(t, main)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(grants, gotGrants) {
		return fmt.Errorf("asked for\n%+v\nread\n%+v", grants, gotGrants)
	}
	if !slices.Equal(defaults, gotDefaults) {
		return fmt.Errorf("asked for\n%q\nread\n%q", defaults, gotDefaults)
	}
	return judgeRs(t, all)
}

// judgeRs checks the candidates that sudo-rs supports with its visudo, if that is installed.
func judgeRs(t *testing.T, all []candidate) error {
	t.Helper()
	if _, err := os.Stat(visudoRs); err != nil {
		return nil
	}
	dialect := dialectRs(t)
	var text strings.Builder
	for i, c := range all {
		c.file.Name = FileName{fmt.Sprintf("f%05d", i)}
		if !slices.ContainsFunc(c.requests, isUnknownToRs) && !slices.ContainsFunc(c.file.Settings, func(s Setting) bool { return unknownToRs[s.name] }) {
			text.WriteString(c.file.Text(dialect))
		}
	}
	return readRs(t, text.String())
}

const visudoRs = "/usr/bin/visudo-rs"

// readRs parses a text with visudo of sudo-rs.
func readRs(t *testing.T, text string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sudoers")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o440))
	if out, err := exec.Command(visudoRs, "-c", "-f", path).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func dialectRs(t *testing.T) Dialect {
	t.Helper()
	return Dialect{EscapeEquals: readRs(t, "root ALL=(root) /bin/true a=b\n") != nil}
}

// isUnknownToRs ignores names; TestUnread_AsVisudo tests them.
func isUnknownToRs(q Request) bool {
	r, err := ParseRule(q)
	return q.NoExec || err != nil || len(r.Samples()) > 0 || slices.ContainsFunc(r.commands, Command.HasWildcards)
}

// Unread returns exactly the names that sudo-rs cannot read.
func TestUnread_AsVisudo(t *testing.T) {
	if _, err := os.Stat(visudoRs); err != nil {
		t.Skip("NOT TRIED: sudo-rs is not installed; molecule/scripts/suite-tests tests it")
	}
	dialect := dialectRs(t)
	random := rand.New(rand.NewPCG(9, 10))
	outcomes := map[bool]int{}
	for range 1000 {
		q := randomRequest(random)
		q.NoExec, q.Commands = false, []string{"/opt/x"}
		c := candidate{requests: []Request{q}}
		if !c.parse() {
			continue
		}
		isUnread := slices.ContainsFunc(c.file.Rules[0].Samples(), func(s Sample) bool { return readRs(t, s.Text) != nil })
		isRead := readRs(t, c.file.Text(dialect)) == nil
		// A rule with more than one account may hide the id of one in a comment, so only the other direction is certain.
		require.True(t, isRead || isUnread, c.file.Text(dialect))
		outcomes[isRead]++
	}
	require.Greater(t, outcomes[true], 100)
	require.Greater(t, outcomes[false], 100)
}

// unknownToRs are the settings that sudo-rs 0.2.5 does not have.
var unknownToRs = map[string]bool{
	"log_input": true, "log_output": true, "mail_always": true, "mail_no_perms": true, "passwd_timeout": true, "requiretty": true,
	"set_home": true, "umask": true,
}

// requireExact judges all candidates at once, and on failure each.
func requireExact(t *testing.T, all []candidate) {
	t.Helper()
	err := judge(t, all)
	if err == nil {
		return
	}
	if len(all) == 1 {
		t.Fatalf("%+v\n%s\n%v", all[0].requests, all[0].file.Text(Dialect{}), err)
	}
	requireExact(t, all[:len(all)/2])
	requireExact(t, all[len(all)/2:])
	t.Fatalf("%d files fail together and not alone: %v", len(all), err)
}

// Any words are refused, or read by sudo unchanged.
func FuzzWords_ReadBack(f *testing.F) {
	for _, s := range []struct{ user, group, host, runas, command, setting string }{
		{"deploy", "ops", "ALL", "root", "/bin/systemctl restart sidekiq", "!lecture"},
		{"#1000", "#27", "web1.example.org", "#0", "/opt/x a,b c:d e#f g=h =i ,=j k=:", "env_keep+=A B"},
		{"0day", "a.b", "cafe", "ALL", `/opt/x ""`, "umask=0022"},
		{"a.", "a-", "1a", "a", "/a@b+c ,,:: ## -- @ % =a,", "timestamp_timeout=0"},
		{"deploy", "ops", "ALL", "root", "/opt/x, /bin/sh", "env_keep-=X"},
		{"deploy", "ops", "ALL", "root", "/opt/x\nroot ALL=(ALL) ALL", "lecture, !authenticate"},
		{"deploy, root", "ops) ALL", "ALL=(ALL", "root:root", "/opt/x #", "env_keep+=A\" !authenticate"},
		{`CORP\deploy`, "domain users", "ALL", "Deploy:OPS", `/opt/x ""`, "env_check+=TZ"},
		{"deploy@corp.example", `a,b=c(d)!#"e`, "ALL", "_apt", "/opt/x", "use_pty"},
		{"#4294967294", "#4294967294", "ALL", "#4294967294:#4294967294", "/opt/x", "use_pty"},
		{"sudoedit", "sha224", "ALL", "10.0.0.1:ALL", "/opt/x", "use_pty"},
		{"@include", `\x41`, "ALL", "jösé:Größe", "/opt/x", "use_pty"},
		{"defaults", "include", "e", "s", "/etc/sudoers include @include includedir", "use_pty"},
	} {
		f.Add(s.user, s.group, s.host, s.runas, s.command, s.setting, true)
	}
	f.Fuzz(func(t *testing.T, user, group, host, runas, command, setting string, noPassword bool) {
		c := candidate{settings: []string{setting}, requests: []Request{{
			Users: []string{user}, Groups: []string{group}, Hosts: []string{host}, Runas: []string{runas},
			Commands: []string{command}, NoPassword: noPassword,
		}}}
		if c.parse() {
			requireExact(t, []candidate{c})
		}
	})
}

// parse returns the file, unless words are refused.
func (c *candidate) parse() bool {
	for _, q := range c.requests {
		r, err := ParseRule(q)
		if err != nil {
			return false
		}
		c.file.Rules = append(c.file.Rules, r)
	}
	for _, text := range c.settings {
		s, err := ParseSetting(text)
		if err != nil {
			return false
		}
		c.file.Settings = append(c.file.Settings, s)
	}
	return c.file.CheckSettings() == nil
}

// Random bytes are seldom a rule. Words of accepted parts often are; some have a bad character.
func TestFile_RandomWordsReadBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range testenv.Rounds(4) {
		var batch []candidate
		for len(batch) < 500 {
			c := randomCandidate(random)
			if !c.parse() {
				refused++
				continue
			}
			batch = append(batch, c)
		}
		requireExact(t, batch)
	}
	require.Positive(t, refused)
}

func randomCandidate(r *rand.Rand) candidate {
	var c candidate
	for range 1 + r.IntN(3) {
		c.requests = append(c.requests, randomRequest(r))
	}
	for range r.IntN(3) {
		c.settings = append(c.settings, bad(r, randomSetting(r)))
	}
	return c
}

func randomSetting(r *rand.Rand) string {
	all := settingNames()
	name := all[r.IntN(len(all))]
	switch settings[name] {
	case integer:
		return name + fmt.Sprintf("=%d", r.IntN(100))
	case octal:
		return name + fmt.Sprintf("=0%03o", r.IntN(0o1000))
	case names:
		return name + []string{"+=", "-="}[r.IntN(2)] + strings.Join(some(r, func() string { return "V" + text(r, 1, 8, "ABCxyz_019") }), " ")
	case paths:
		return name + "=" + strings.Join(some(r, func() string { return "/" + text(r, 1, 8, "abc/._+@-") }), ":")
	default:
		return []string{"", "!"}[r.IntN(2)] + name
	}
}

// bad seldom inserts a character that could end a word.
func bad(r *rand.Rand, word string) string {
	if r.IntN(60) > 0 {
		return word
	}
	at := r.IntN(len(word) + 1)
	evil := []string{"\n", ",", "#", "=", `\`, "*", "?", "[", "ALL", "!", "\"", " ", "  ", "\t", "\r", "\x00", "(", ")", ":", "%", "+", "~", "^", "$", "\u0430", "\u00a0", "@include /x", "sudoedit ", "/"}
	return word[:at] + evil[r.IntN(len(evil))] + word[at:]
}

// words returns random words. Most are accepted, since one bad word makes parse refuse a file.
func words[T any](r *rand.Rand, parse func(string) (T, error), one func() string) []string {
	return some(r, func() string {
		word := bad(r, one())
		for _, err := parse(word); err != nil && r.IntN(50) > 0; _, err = parse(word) {
			word = bad(r, one())
		}
		return word
	})
}

func randomRequest(r *rand.Rand) Request {
	q := Request{
		NoPassword: r.IntN(2) == 0, SetEnv: r.IntN(4) == 0, NoExec: r.IntN(4) == 0,
	}
	name := func(others ...string) func() string {
		return func() string {
			if r.IntN(3) == 0 {
				return others[r.IntN(len(others))]
			}
			if r.IntN(3) == 0 {
				return text(r, 1, 8, "abzABZ019._-@$ \\,=()!#'+*/\"%&~?[]^{|}<>;`")
			}
			if r.IntN(8) == 0 {
				return text(r, 1, 4, "ABZ_01")
			}
			return text(r, 1, 8, "abz019._-")
		}
	}
	hasWildcards := r.IntN(4) == 0
	command := func() string {
		alphabet := "ab9._-+@/=%,:#=,:#"
		if hasWildcards {
			alphabet += "*?"
		}
		c := "/" + text(r, 1, 10, "abz019._-+@/")
		for range r.IntN(4) {
			c += " " + text(r, 1, 6, alphabet)
		}
		if r.IntN(8) == 0 {
			c += ` ""`
		}
		return c
	}
	q.Users = words(r, ParseUser, name("#0", "#4294967294", "%#7", "%ops", "Größe", `CORP\x41`, "sudoedit", "sha512", "list"))
	q.Groups = words(r, ParseGroup, name("#42", "ops"))
	q.Hosts = words(r, ParseHost, name("ALL"))
	q.Commands = words(r, ParseCommand, command)
	if r.IntN(4) == 0 {
		q.RunasGroups = words(r, ParseRunasGroup, name("#42", "ops"))
	}
	if r.IntN(4) > 0 || q.RunasGroups == nil {
		account, group := name("ALL", "#0"), name("ALL", "#0")
		q.Runas = words(r, ParseRunas, func() string {
			if r.IntN(5) == 0 {
				return account() + ":" + group()
			}
			return account()
		})
	}
	return q
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
