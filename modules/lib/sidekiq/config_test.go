package sidekiq

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func number(n int) *int { return &n }

type configCase struct {
	name, source string
	version      string // of Sidekiq; "": unknown
	variables    map[string]string
	want         Config
	refused      string
}

// read is the version that reads the case.
func (c configCase) read(t *testing.T) (v Version) {
	if c.version != "" {
		v = version(t, c.version)
	}
	return v
}

var configCases = []configCase{
	{name: "an empty file sets nothing", source: ""},
	{name: "symbol keys", source: ":concurrency: 10\n:timeout: 30\n:require: ./worker.rb\n",
		want: Config{Concurrency: number(10), Timeout: number(30), Require: "./worker.rb"}},
	{name: "string keys", source: "---\nconcurrency: 10\ntimeout: 30\n",
		want: Config{Concurrency: number(10), Timeout: number(30)}},
	{name: "the section of the environment wins, with either spelling",
		source: ":concurrency: 5\n:timeout: 8\nproduction:\n  :concurrency: 25\n:staging:\n  concurrency: 15\n",
		want:   Config{Concurrency: number(25), Timeout: number(8)}},
	{name: "a section named by a symbol", source: "concurrency: 5\n:production:\n  concurrency: 25\n",
		want: Config{Concurrency: number(25)}},
	{name: "another environment does not count", source: "staging:\n  concurrency: 15\n"},
	{name: "an empty section sets nothing", source: "concurrency: 5\nproduction:\n", want: Config{Concurrency: number(5)}},
	{name: "of a key in both spellings the string counts", source: "concurrency: 5\n:concurrency: 6\n:timeout: 7\ntimeout: 8\n",
		want: Config{Concurrency: number(5), Timeout: number(8)}},
	{name: "null is not set", source: ":concurrency:\n:timeout: ~\n"},
	{name: "queues, with weights and without", source: ":queues:\n  - critical\n  - [default, 2]\n  - [low, 1]\n",
		want: Config{Queues: []Queue{{"critical", 0}, {"default", 2}, {"low", 1}}}},
	{name: "capsules", source: ":concurrency: 4\n:capsules:\n  media:\n    concurrency: 2\n    queues: [video]\n  iqdb:\n    queues: [iqdb]\n",
		want: Config{Concurrency: number(4), Capsules: []Capsule{
			{"media", number(2)}, {"iqdb", nil}}}},
	{name: "merges follow the order of the file", source: "base: &base\n  concurrency: 7\nproduction:\n  concurrency: 9\n  <<: *base\n",
		want: Config{Concurrency: number(7)}},
	{name: "ERB over ENV", source: ":concurrency: <%= ENV.fetch('THREADS') { 5 } %>\n:timeout: <%= ENV[\"T\"] || 25 %>\n",
		variables: map[string]string{"THREADS": "12"}, want: Config{Concurrency: number(12), Timeout: number(25)}},
	{name: "ERB that leaves nothing", source: ":concurrency: <%= ENV['THREADS'] %>\n"},
	{name: "ERB that is not wanted may be any Ruby", source: ":pidfile: <%= Rails.root %>/x\n:queues:\n  - <%= `hostname`.strip %>\n  - default\n",
		want: Config{Queues: []Queue{{"", 0}, {"default", 0}}}},
	{name: "a number made by Ruby", source: ":concurrency: <%= Etc.nprocessors %>\n",
		refused: "line 1: requires Ruby: concurrency: the ERB expression is not a simple ENV lookup; hint: set concurrency and timeout as options"},
	{name: "a variable that must be set", source: "a: 1\n:concurrency: <%= ENV.fetch('THREADS') %>\n",
		refused: "line 2: concurrency: the variable THREADS is not set, and ENV.fetch has no default; hint: set concurrency and timeout as options"},
	{name: "zero", source: ":concurrency: <%= ENV['THREADS'].to_i %>\n",
		refused: "line 1: concurrency is not a number from 1, with which Sidekiq does not start; hint: write a number from 1, or set THREADS to one"},
	{name: "a word", source: ":timeout: long\n",
		refused: "line 1: timeout is not a number from 1, with which Sidekiq does not start; hint: write a number from 1"},
	{name: "a code tag", source: ":concurrency: 5\n<% if ENV['LOG'] %>\n:logfile: log/sidekiq.log\n<% end %>\n",
		refused: "line 2: requires Ruby: the content depends on an ERB code tag (<% %>); hint: set concurrency and timeout as options"},
	{name: "a tag that is a line", source: ":concurrency: 5\n<%= settings.to_yaml %>\n",
		refused: "line 2: requires Ruby: the output of an ERB tag here may be any key; hint: set concurrency and timeout as options"},
	{name: "a tag that changes ENV", source: ":concurrency: <%= ENV['THREADS'] ||= '5' %>\n",
		refused: "line 1: requires Ruby: concurrency: the ERB expression is not a simple ENV lookup; hint: set concurrency and timeout as options"},
	{name: "a capsule in both spellings, and one that is named by a number", source: ":capsules:\n  :a: {concurrency: 1}\n  a: {concurrency: 2}\n  1: {concurrency: 3}\n",
		want: Config{Capsules: []Capsule{{"a", number(2)}, {"1", number(3)}}}},
	{name: "a capsule named by ERB", source: ":capsules:\n  <%= ENV['X'] %>:\n    concurrency: 2\n",
		refused: "line 2: requires Ruby: ERB computes a key, or what << merges; hint: set concurrency and timeout as options"},
	{name: "capsules that ERB merges", source: "a: &a\n  b: 1\n:capsules:\n  <<: *<%= x %>\n",
		refused: "line 4: requires Ruby: ERB computes a key, or what << merges; hint: set concurrency and timeout as options"},
	{name: "a capsule that is a number", source: ":capsules:\n  a: 5\n",
		refused: "line 2: settings are wanted here, not a plain value or a list; hint: write lines such as :concurrency: 10"},
	{name: "zero threads of a capsule", source: ":capsules:\n  a: {concurrency: 0}\n",
		refused: "line 2: concurrency is not a number from 1, with which Sidekiq does not start; hint: write a number from 1"},
	{name: "blanks around a variable's value", source: ":concurrency: <%= ENV['THREADS'] %>\n:timeout: <%= Integer(ENV['T']) %>\n",
		variables: map[string]string{"THREADS": "12 ", "T": " 8 "}, want: Config{Concurrency: number(12), Timeout: number(8)}},
	{name: "a variable that is not a number", source: ":concurrency: <%= Integer(ENV['THREADS']) %>\n", variables: map[string]string{"THREADS": "many"},
		refused: "line 1: concurrency: THREADS is not a number; hint: set concurrency and timeout as options"},
	{name: "a merge that ERB names", source: "a: &a\n  b: 1\nproduction:\n  <<: *<%= x %>\n",
		refused: "line 4: requires Ruby: ERB computes a key, or what << merges; hint: set concurrency and timeout as options"},
	{name: "trim marks", source: ":concurrency: <%= ENV['X'] || 7 -%>\n\n<%# comment -%>\n:timeout: 8\n", version: "7.1.0", want: Config{Concurrency: number(7), Timeout: number(8)}},
	{name: "trim marks before 7.1", source: "<%- threads = 5 -%>\n:concurrency: 7\n", version: "7.0.9",
		refused: "line 1: the ERB tag has a trim mark (<%- or -%>), which is a syntax error where no trim mode is set; hint: set concurrency and timeout as options"},
	{name: "string keys before 5.1", source: "concurrency: 5\n:timeout: 9\n:production:\n  :concurrency: 6\n", version: "5.0.5", want: Config{Timeout: number(9)}},
	{name: "a section before 5.1", source: ":concurrency: 5\nproduction:\n  :concurrency: 6\n  timeout: 7\n", version: "5.0.5", want: Config{Concurrency: number(6)}},
	{name: "a list", source: "- default\n",
		refused: "line 1: settings are wanted here, not a plain value or a list; hint: write lines such as :concurrency: 10"},
	{name: "a section that is no mapping", source: "production: 5\n",
		refused: "line 1: settings are wanted here, not a plain value or a list; hint: write lines such as :concurrency: 10"},
	{name: "a setting named by ERB", source: "\"<%= ENV['X'] %>\": 5\n",
		refused: "line 1: requires Ruby: ERB computes a key, or what << merges; hint: set concurrency and timeout as options"},
	{name: "capsules that are a list", source: ":capsules: [a]\n",
		refused: "line 1: capsules is not a mapping of names; hint: write a mapping for each capsule"},
	{name: "not YAML", source: "a: [1\n",
		refused: "line 1: this is not YAML: did not find expected ',' or ']'; hint: Ruby cannot load it either; repair it first"},
}

func TestReadConfig_Cases(t *testing.T) {
	for _, c := range configCases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadConfig([]byte(c.source), "production", environ.Overlay(environ.None, c.variables), c.read(t))
			if c.refused != "" {
				require.EqualError(t, err, c.refused)
				require.IsType(t, &Refusal{}, err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.want, got)
		})
	}
}

// spoken is an answer of testdata/judge.rb.
type spoken struct {
	Concurrency *int    `json:"concurrency"`
	Timeout     *int    `json:"timeout"`
	Queues      [][]any `json:"queues"`
	Capsules    [][]any `json:"capsules"`
	Require     string  `json:"require"`
}

func speak(c Config) spoken {
	s := spoken{Concurrency: c.Concurrency, Timeout: c.Timeout, Require: c.Require, Queues: [][]any{}, Capsules: [][]any{}}
	for _, q := range c.Queues {
		s.Queues = append(s.Queues, []any{q.Name, float64(q.Weight)})
	}
	for _, c := range c.Capsules {
		var threads any
		if c.Concurrency != nil {
			threads = float64(*c.Concurrency)
		}
		s.Capsules = append(s.Capsules, []any{c.Name, threads})
	}
	return s
}

type spokenQuestion struct {
	Source      string            `json:"source"`
	Environment string            `json:"environment"`
	Variables   map[string]string `json:"variables"`
	Trim        bool              `json:"trim"`
	OnlySymbols bool              `json:"only_symbols"`
}

func TestReadConfig_CasesAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, "testdata/judge.rb")
	for _, c := range configCases {
		if c.refused != "" || c.name == "ERB that is not wanted may be any Ruby" {
			continue
		}
		v := c.read(t)
		variables := c.variables
		if variables == nil {
			variables = map[string]string{}
		}
		var want spoken
		ruby.Ask(t, spokenQuestion{c.source, "production", variables, bool(v.trim()), v.Known() && !v.AtLeast(5, 1, 0)}, &want)
		require.Equal(t, want, speak(c.want), c.name)
	}
}

func TestReadConfig_CorpusAsRuby(t *testing.T) {
	files := testenv.Corpus(t, "sidekiq")
	ruby := rubytest.Start(t, "testdata/judge.rb")
	same, failing, refused := 0, 0, map[string]int{}
	for name, source := range files {
		config, err := ReadConfig(source, "production", environ.None, Version{})
		if err != nil {
			refused[err.(*Refusal).Reason]++
			continue
		}
		var want *spoken
		ruby.Ask(t, spokenQuestion{string(source), "production", map[string]string{}, true, false}, &want)
		if want == nil {
			failing++
			continue
		}
		got := speak(config)
		for i, q := range got.Queues {
			if q[0] == "" {
				want.Queues[i][0] = "" // known only to Ruby
			}
		}
		require.Equal(t, *want, got, name)
		same++
	}
	t.Logf("%d read the same, %d that Ruby cannot load, %v refused, 0 differ", same, failing, refused)
	require.Positive(t, same)
}

// Aliases can make many capsules of one mapping.
func TestReadConfig_CapsulesOfOneMapping(t *testing.T) {
	source := "large: &large\n"
	for i := range 2000 {
		source += fmt.Sprintf("  k%d: 1\n", i)
	}
	source += "  concurrency: 2\ncapsules:\n"
	for i := range 2000 {
		source += fmt.Sprintf("  c%d: *large\n", i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	config, err := ReadConfig([]byte(source), "production", environ.None, Version{})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, config.Capsules, 2000)
	require.Equal(t, number(2), config.Capsules[1999].Concurrency)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(50<<20))
}

// ERB may repeat a variable, which can be as long as its file.
func TestReadConfig_LongValues(t *testing.T) {
	long := environ.Overlay(environ.None, map[string]string{"X": strings.Repeat("x", 60_000)})
	for _, value := range []string{"<%= ENV['X'] %>", strings.Repeat("<%= ENV['X'] %>", 1000)} {
		source := "timeout: " + value + "\n" + "queues: [" + value + "]\n"
		_, err := ReadConfig([]byte(source), "production", long, Version{})
		require.EqualError(t, err, "line 1: timeout: the value comes from ERB and is longer than 2048 bytes; hint: set concurrency and timeout as options")
	}
}

func FuzzReadConfig(f *testing.F) {
	for _, c := range configCases {
		f.Add([]byte(c.source))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		config, err := ReadConfig(source, "production", environ.None, Version{})
		if err != nil {
			require.IsType(t, &Refusal{}, err)
			require.Zero(t, config)
			return
		}
		total, _, err := config.TotalConcurrency(Version{}, environ.None)
		require.NoError(t, err)
		require.Positive(t, total)
	})
}
