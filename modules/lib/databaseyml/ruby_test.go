package databaseyml

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

type question struct {
	Before      string            `json:"before"`
	After       string            `json:"after"`
	Environment string            `json:"environment"`
	Edits       []editQuestion    `json:"edits"`
	Others      bool              `json:"others"`
	Lower       bool              `json:"lower"`
	Variables   map[string]string `json:"variables"`
}

type editQuestion struct {
	Database string   `json:"database"`
	Key      string   `json:"key"`
	Size     int      `json:"size"`
	Also     []string `json:"also"`
}

func judge(t testing.TB, ruby *rubytest.Ruby, before []byte, q Request, variables map[string]string, r *Result) string {
	edits := []editQuestion{}
	for _, e := range r.Edits {
		if e.Changed() {
			edits = append(edits, editQuestion{e.After.Database, e.After.Key, e.After.Size, append([]string{}, e.Also...)})
		}
	}
	var verdict string
	ruby.Ask(t, question{string(before), string(r.Text), q.Environment, edits, q.Others, q.Lower, variables}, &verdict)
	return verdict
}

var askedOfENV = regexp.MustCompile(`ENV(?:\[|\.fetch\(|\.key\?\()["'](\w+)`)

// environments returns the environments for a case: its own and, if code tags decide, one with every variable set.
func (k testCase) environments() []map[string]string {
	all := []map[string]string{k.variables}
	if strings.Contains(string(k.in), "<% ") {
		set := maps.Clone(k.variables)
		for _, m := range askedOfENV.FindAllStringSubmatch(string(k.in), -1) {
			set[m[1]] = "1"
		}
		all = append(all, set)
	}
	return all
}

func TestApply_GoldensAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, "testdata/judge.rb")
	for _, k := range cases(t) {
		if k.golden == "" || k.golden == string(k.in) {
			continue
		}
		result, err := Apply(k.in, k.reader(), k.request)
		require.NoError(t, err, k.name)
		verdicts := []string{}
		for _, variables := range k.environments() {
			verdicts = append(verdicts, judge(t, ruby, k.in, k.request, variables, result))
		}
		require.Contains(t, verdicts, "good", k.name)
		require.Subset(t, []string{"good", "Ruby cannot load the file"}, verdicts, k.name)
		verdict := judge(t, ruby, k.in, k.request, k.variables, &Result{Edits: result.Edits, Text: k.in})
		if verdict == "good" && len(k.environments()) == 1 && !k.rails.Known() {
			t.Fatalf("%s: the judge finds an unchanged file good", k.name)
		}
	}
}

// One process for all questions, since Rails takes half a second to load.
func TestPools_AsRails(t *testing.T) {
	rails := rubytest.Start(t, "testdata/rails.rb")
	for name, test := range map[string]func(*testing.T, *rubytest.Ruby){
		"cases": comparePools, "mutated cases": compareMutatedPools, "templates": editTemplates,
	} {
		t.Run(name, func(t *testing.T) { test(t, rails) })
	}
}

// comparePools compares every case, before and after the edit, with ActiveRecord's resolver.
func comparePools(t *testing.T, rails *rubytest.Ruby) {
	compared := 0
	for _, k := range cases(t) {
		result, err := Apply(k.in, k.reader(), k.request)
		if err != nil || k.rails.Known() {
			continue
		}
		names := []string{}
		for _, e := range result.Edits {
			names = append(names, e.After.Database)
		}
		pools, err := Pools(result.Text, k.reader(), k.request.Environment, names...)
		require.NoError(t, err, k.name)
		for i, before := range railsPools(t, rails, k, k.in, names) {
			if e := result.Edits[i]; before != nil && !e.Before.uncertain() {
				require.Equal(t, *before, e.Before.Size, "%s: %s before", k.name, names[i])
				compared++
			}
		}
		for i, after := range railsPools(t, rails, k, result.Text, names) {
			if after != nil && !pools[i].uncertain() {
				require.Equal(t, *after, pools[i].Size, "%s: %s after", k.name, names[i])
				compared++
			}
		}
	}
	require.Greater(t, compared, 80)
}

// uncertain reports whether the pool depends on the version of Rails or on unknown values.
func (p Pool) uncertain() bool {
	return p.Key == keyMax || p.unsettled || p.unread != nil || (p.Source == Shared && p.Database != "")
}

type railsAnswer struct {
	Rails string `json:"rails"`
	Pools []*int `json:"pools"`
}

func askRails(t *testing.T, rails *rubytest.Ruby, k testCase, text []byte, names []string) railsAnswer {
	t.Helper()
	var answer railsAnswer
	rails.Ask(t, map[string]any{"text": string(text), "environment": k.request.Environment, "variables": k.variables, "databases": names}, &answer)
	require.Len(t, answer.Pools, len(names), k.name)
	return answer
}

func railsPools(t *testing.T, rails *rubytest.Ruby, k testCase, text []byte, names []string) []*int {
	t.Helper()
	return askRails(t, rails, k, text, names).Pools
}

// compareMutatedPools compares every pool that is read with that of the installed Rails.
func compareMutatedPools(t *testing.T, rails *rubytest.Ruby) {
	random := rand.New(rand.NewPCG(11, 12))
	var installed railsVersion
	_, err := fmt.Sscanf(askRails(t, rails, testCase{}, nil, []string{}).Rails, "%d.%d", &installed[0], &installed[1])
	require.NoError(t, err)
	compared := 0
	for _, k := range cases(t) {
		k.rails = installed
		for range testenv.Rounds(5) {
			source := []byte(mutate(random, string(k.in)))
			pools, err := Pools(source, k.reader(), k.request.Environment)
			if f, parseErr := parse(source, k.reader()); err != nil || parseErr != nil || len(f.readings) > 1 {
				continue
			}
			names := []string{}
			for _, p := range pools {
				names = append(names, p.Database)
			}
			for i, want := range railsPools(t, rails, k, source, names) {
				if want == nil || pools[i].largest != pools[i].Size {
					continue
				}
				require.Equal(t, *want, pools[i].Size, "%s in\n%s", pools[i].Origin(), source)
				compared++
			}
		}
	}
	require.Greater(t, compared, 100)
}

// tally counts the results for the files of a corpus.
type tally struct {
	edited, unchanged, lines int
	refused                  map[string]int
}

func TestApply_Corpus(t *testing.T) {
	files := testenv.Corpus(t, "database")
	ruby := rubytest.Start(t, "testdata/judge.rb")
	for _, environment := range []string{"production", "development"} {
		for _, mode := range []ERB{Evaluate, Overrule, Refuse} {
			for _, size := range []int{25, 100} {
				for _, v := range variants {
					count := tally{refused: map[string]int{}}
					q := Request{Environment: environment, Size: size, ERB: mode}
					for name, source := range files {
						count.add(t, ruby, name, []byte(v.of(string(source))), q)
					}
					t.Logf("%s, %s, pool %d, %s: %d edited (%d lines), %d unchanged, %d refused %v, 0 damaged", v.name, environment, size, mode,
						count.edited, count.lines, count.unchanged, len(files)-count.edited-count.unchanged, count.refused)
					require.Positive(t, count.edited)
				}
			}
		}
	}
}

func (c *tally) add(t *testing.T, ruby *rubytest.Ruby, name string, source []byte, q Request) {
	result, err := Apply(source, nothing, q)
	if err != nil {
		require.IsType(t, &Refusal{}, err, name)
		c.refused[fmt.Sprintf("%s: %s", name, err)]++
		return
	}
	if !result.Changed() {
		require.Equal(t, source, result.Text, name)
		c.unchanged++
		return
	}
	c.edited++
	require.Equal(t, "good", judge(t, ruby, source, q, nil, result), name)
	c.lines += requireOnlyTheLinesTold(t, source, result)
	again, err := Apply(result.Text, nothing, q)
	require.NoError(t, err, name)
	require.False(t, again.Changed(), name)
}

// mutate removes, repeats, swaps, indents and adds lines of a file.
func mutate(random *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	extra := []string{"  pool: 7\n", "    pool: 7\n", "  <<: *default\n", "  url: x\n", "# pool: 3\n", "  pool:\n", "  <%# x %>\n", "x: &default\n", "\n",
		"  adapter: <%= ENV['X'] || 'y' %>\n", "  \"pool\" : '7' # x\n", "  database: [a,\n    b]\n", "  max_connections: 3\n", "production:\n", "  host: |\n    pool: 4\n", "shared:\n  pool: 6\n",
		"<% if ENV['X'] %>\n", "<% else %>\n", "<% end %>\n", "<% 2.times do |i| %>\n", "  <<: *<%= 'default' %>\n", "  pool: <%= ENV.fetch('X', 4) %>\n", "  <%= 'a: b' %>\n"}
	for range 1 + random.IntN(4) {
		i, j := random.IntN(len(lines)), random.IntN(len(lines))
		switch random.IntN(6) {
		case 0:
			lines = slices.Delete(lines, i, i+1)
		case 1:
			lines = slices.Insert(lines, i, lines[j])
		case 2:
			lines[i], lines[j] = lines[j], lines[i]
		case 3:
			lines[i] = " " + lines[i]
		case 4:
			lines[i] = strings.TrimPrefix(lines[i], " ")
		default:
			lines = slices.Insert(lines, i, extra[random.IntN(len(extra))])
		}
		if len(lines) == 0 {
			lines = []string{"\n"}
		}
	}
	return strings.Join(lines, "")
}

func TestApply_MutatedCasesAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, "testdata/judge.rb")
	random := rand.New(rand.NewPCG(5, 6))
	edited := 0
	for _, k := range cases(t) {
		for range testenv.Rounds(10) {
			source := []byte(mutate(random, string(k.in)))
			q := k.request
			q.Size = 25
			if q.ERB == "" && random.IntN(2) == 0 {
				q.ERB = Overrule
			}
			result, err := Apply(source, k.reader(), q)
			if err != nil || !result.Changed() {
				continue
			}
			for _, variables := range (testCase{in: source, variables: k.variables}).environments() {
				verdict := judge(t, ruby, source, q, variables, result)
				if verdict == "Ruby cannot load the file" {
					continue
				}
				edited++
				require.Equal(t, "good", verdict, "%s\n%s", source, result.Text)
			}
			requireOnlyTheLinesTold(t, source, result)
		}
	}
	require.Greater(t, edited, 150)
}

// requireOnlyTheLinesTold requires that an edit replaces or adds exactly the lines that it reports, and counts them.
func requireOnlyTheLinesTold(t *testing.T, before []byte, r *Result) int {
	t.Helper()
	split := regexp.MustCompile(`\r\n|[\n\r\x{85}\x{2028}\x{2029}]`).Split
	old, now := split(string(before), -1), split(string(r.Text), -1)
	told := 0
	for _, e := range slices.SortedFunc(slices.Values(r.Edits), func(a, b Edit) int { return a.Line - b.Line }) {
		if !e.Changed() {
			continue
		}
		told++
		line := e.Line - 1
		if e.Old == "" {
			old = slices.Insert(old, line, "")
		}
		require.Contains(t, now[line], valueOf(e.New))
		require.Contains(t, old[line], valueOf(e.Old))
		old[line] = now[line]
	}
	require.Equal(t, old, now)
	return told
}

// valueOf returns the value of an entry, which is on its line or the next.
func valueOf(entry string) string {
	return strings.TrimSpace(entry[strings.LastIndex(entry, ":")+1:])
}
