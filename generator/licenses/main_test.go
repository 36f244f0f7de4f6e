package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// licencesOf builds a program and has its licences.
func licencesOf(t *testing.T, program string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-o", binary, program).CombinedOutput()
	require.NoError(t, err, "%s", out)
	var text bytes.Buffer
	require.NoError(t, run(&text, []string{binary}))
	return text.String()
}

func TestEveryModuleOfABinaryHasItsLicence(t *testing.T) {
	text := licencesOf(t, "../../modules/program")
	for _, want := range []string{
		"Go\n==\n\nCopyright 2009 The Go Authors.\n",
		"golang.org/x/sys\n================\n",
		"gopkg.in/yaml.v3\n================\n",
		"This project is covered by two different licenses: MIT and Apache.", // of yaml.v3
	} {
		require.Contains(t, text, want)
	}
	require.False(t, strings.Contains(text, "testify"), "only the tests need it")
}

func TestLicencesOfTheGeneratorAreFoundWhateverTheirFilesAreCalled(t *testing.T) {
	require.Contains(t, licencesOf(t, ".."), "github.com/agnivade/levenshtein\n===============================\n")
}

func TestWhatIsNoBinaryHasNone(t *testing.T) {
	var text bytes.Buffer
	require.EqualError(t, run(&text, nil), "wants a binary")
	require.Error(t, run(&text, []string{"main.go"}))
	require.Empty(t, text.String())
}
