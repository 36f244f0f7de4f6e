package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sidekiq-role": main})
}

// The program as people call it. UPDATE=1 writes what is expected.
func TestProgramAsPeopleCallIt(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/scripts", UpdateScripts: os.Getenv("UPDATE") == "1", RequireExplicitExec: false})
}
