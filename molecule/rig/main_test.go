package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseScenario(t *testing.T) {
	t.Chdir("../..")
	s, err := parseScenario("default@bullseye")
	require.NoError(t, err)
	require.Equal(t, scenario{"default", "bullseye"}, s)
	_, err = parseScenario("defalt")
	require.ErrorContains(t, err, `scenario "defalt" does not exist; accepted: `)
}

func TestCommands_Refuse(t *testing.T) {
	t.Chdir("../..")
	for message, args := range map[string][]string{
		`unknown command "benhc" for "rig"`:                  {"benhc"},
		`--cores: value "2.13" is not accepted; accepted: 2`: {"matrix", "--cores", "2.13"},
		`--points: value "0" is not accepted; accepted: all`: {"crash", "--points", "0"},
		`--run: part "x" is not accepted`:                    {"bench", "--run", "x"},
		`scenario "x" does not exist`:                        {"scenarios", "default", "x"},
	} {
		root := rootCommand()
		root.SetArgs(args)
		require.ErrorContains(t, root.Execute(), message)
	}
}
