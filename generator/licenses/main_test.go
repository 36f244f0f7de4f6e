package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryModuleOfABinaryHasItsLicence(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-o", binary, "../../modules/program").CombinedOutput()
	require.NoError(t, err, "%s", out)
	var text bytes.Buffer
	require.NoError(t, run(&text, []string{binary}))
	for _, want := range []string{
		"Go\n==\n\nCopyright 2009 The Go Authors.\n",
		"github.com/gomodule/redigo\n==========================\n",
		"gopkg.in/yaml.v3\n================\n",
		"This project is covered by two different licenses: MIT and Apache.", // of yaml.v3
	} {
		require.Contains(t, text.String(), want)
	}
	require.NotContains(t, text.String(), "testify", "only the tests need it")
}

func TestWhatIsNoBinaryHasNone(t *testing.T) {
	var text bytes.Buffer
	require.EqualError(t, run(&text, nil), "wants a binary")
	require.Error(t, run(&text, []string{"main.go"}))
	require.Empty(t, text.String())
}
