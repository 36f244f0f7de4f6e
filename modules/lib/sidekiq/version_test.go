package sidekiq

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

func version(t *testing.T, text string) Version {
	t.Helper()
	v, err := ParseVersion(text)
	require.NoError(t, err)
	return v
}

func TestDefaultsFollowTheVersion(t *testing.T) {
	for text, want := range map[string]struct {
		concurrency, timeout int
		notifies             bool
	}{
		"5.0.5": {25, 8, false}, "5.1.3": {25, 8, false}, "5.2.0": {10, 8, false}, "5.2.10": {10, 8, false},
		"6.0.0": {10, 25, false}, "6.0.5": {10, 25, false}, "6.0.6": {10, 25, true}, "6.5.12": {10, 25, true},
		"7.0.0": {5, 25, true}, "7.3.2": {5, 25, true}, "8.0.0.beta1": {5, 25, true}, "8.1": {5, 25, true}, "10.0.0": {5, 25, true},
	} {
		v := version(t, text)
		require.Equal(t, text, v.String())
		require.Equal(t, want.concurrency, v.DefaultConcurrency(), text)
		require.Equal(t, want.timeout, v.DefaultTimeout(), text)
		require.Equal(t, want.notifies, v.Notifies(), text)
	}
}

func TestAnUnknownVersionIsOnTheSafeSide(t *testing.T) {
	var v Version
	require.False(t, v.Known())
	require.Equal(t, "unknown", v.String())
	require.Equal(t, LargestDefaultConcurrency, v.DefaultConcurrency())
	require.Equal(t, LongestDefaultTimeout, v.DefaultTimeout())
	require.False(t, v.Notifies())
	require.False(t, v.AtLeast(0, 0, 0))
}

func TestWhatIsNoVersionIsRefused(t *testing.T) {
	for _, text := range []string{"", "seven", "7.", "7..1", "7.1.2 ", "9999999.1", "-1"} {
		_, err := ParseVersion(text)
		require.Error(t, err, "%q", text)
	}
}

const lockfile = `GIT
  remote: https://example.org/fork.git
  revision: 0123abc
  specs:
    other (1.0)
      sidekiq (>= 5)

GEM
  remote: https://rubygems.org/
  specs:
    sidekiq (7.3.2)
      concurrent-ruby (< 2)
    sidekiq-cron (1.12.0)
      sidekiq (>= 6)

DEPENDENCIES
  sidekiq (~> 7.0)
`

func TestTheLockfileNamesTheVersion(t *testing.T) {
	for name, c := range map[string]struct {
		source, want, fails string
	}{
		"pinned":                            {source: lockfile, want: "7.3.2"},
		"not there":                         {source: "GEM\n  specs:\n    sidekiq-cron (1.12.0)\n      sidekiq (>= 6)\n", want: "unknown"},
		"no file":                           {source: "", want: "unknown"},
		"CR LF":                             {source: "GEM\r\n  specs:\r\n    sidekiq (6.5.12)\r\n", want: "6.5.12"},
		"twice":                             {source: "    sidekiq (6.5.12)\n    sidekiq (7.3.2)\n", fails: "it pins sidekiq twice, to 6.5.12 and 7.3.2; hint: run bundle install"},
		"the same twice, for two platforms": {source: "    sidekiq (7.3.2)\n    sidekiq (7.3.2)\n", want: "7.3.2"},
		"a merge conflict":                  {source: "<<<<<<< HEAD\n    sidekiq (6.5.12)\n", fails: "it holds a merge conflict; hint: run bundle install"},
		"no version":                        {source: "    sidekiq (x)\n", fails: `"x" is no version of a gem; accepted: numbers such as 7.3.2`},
	} {
		v, err := LockedVersion([]byte(c.source), "sidekiq")
		if c.fails != "" {
			require.EqualError(t, err, c.fails, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, v.String(), name)
		require.Equal(t, c.want != "unknown", v.Known(), name)
	}
}

func TestTotalConcurrency(t *testing.T) {
	capsules := []Capsule{{"media", number(2)}, {"iqdb", nil}}
	for name, c := range map[string]struct {
		config    Config
		version   string
		variables map[string]string
		want      int
		source    Source
		fails     string
	}{
		"the file":                          {config: Config{Concurrency: number(12)}, version: "7.3.2", want: 12, source: FromConfig},
		"the file wins":                     {config: Config{Concurrency: number(12)}, version: "7.3.2", variables: map[string]string{"RAILS_MAX_THREADS": "7"}, want: 12, source: FromConfig},
		"then RAILS_MAX_THREADS":            {version: "7.3.2", variables: map[string]string{"RAILS_MAX_THREADS": "7"}, want: 7, source: FromThreads},
		"then the default":                  {version: "6.5.12", want: 10, source: FromDefault},
		"the largest, when unknown":         {want: 25, source: FromDefault},
		"all capsules":                      {config: Config{Concurrency: number(12), Capsules: capsules}, version: "7.3.2", want: 26, source: FromConfig},
		"no capsules before 7":              {config: Config{Concurrency: number(12), Capsules: capsules}, version: "6.5.12", want: 12, source: FromConfig},
		"capsules, when unknown":            {config: Config{Concurrency: number(12), Capsules: capsules}, want: 26, source: FromConfig},
		"the default capsule":               {config: Config{Concurrency: number(12), Capsules: []Capsule{{"default", number(3)}, {"media", number(2)}}}, version: "7.0.0", want: 5, source: FromConfig},
		"the default capsule wins":          {config: Config{Capsules: []Capsule{{"default", number(30)}}}, version: "8.1.7", variables: map[string]string{"RAILS_MAX_THREADS": "7"}, want: 30, source: FromConfig},
		"the default capsule before 7":      {config: Config{Capsules: []Capsule{{"default", number(30)}}}, version: "6.5.12", want: 10, source: FromDefault},
		"the default capsule, when unknown": {config: Config{Concurrency: number(12), Capsules: []Capsule{{"default", number(3)}}}, want: 12, source: FromConfig},
		"a variable with blanks":            {version: "7.3.2", variables: map[string]string{"RAILS_MAX_THREADS": "25 "}, want: 25, source: FromThreads},
		"a variable that is zero":           {version: "7.3.2", variables: map[string]string{"RAILS_MAX_THREADS": "0"}, fails: "RAILS_MAX_THREADS is not a number from 1, with which Sidekiq does not start; hint: set it to the number of threads"},
		"a variable that is no number":      {version: "7.3.2", variables: map[string]string{"RAILS_MAX_THREADS": "many"}, fails: "RAILS_MAX_THREADS is not a number from 1, with which Sidekiq does not start; hint: set it to the number of threads"},
	} {
		var v Version
		if c.version != "" {
			v = version(t, c.version)
		}
		total, source, err := c.config.TotalConcurrency(v, environ.Overlay(environ.None, c.variables))
		if c.fails != "" {
			require.EqualError(t, err, c.fails, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, total, name)
		require.Equal(t, c.source, source, name)
	}
}
