package ansible

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAsync_ReturnsErrorsAndPanics(t *testing.T) {
	require.NoError(t, <-Async(func() error { return nil }))
	require.EqualError(t, <-Async(func() error { return errors.New("no") }), "no")
	err := <-Async(func() error { panic("out of luck") })
	require.EqualError(t, err, "bug: out of luck")
	require.True(t, isPartial(err))
}

func TestEach_ReturnsFirstError(t *testing.T) {
	fails := map[string]error{"b": errors.New("b"), "c": errors.New("c")}
	all, err := Each([]string{"a", "b", "c"}, func(key string) (string, error) { return key + key, fails[key] })
	require.EqualError(t, err, "b")
	require.Equal(t, map[string]string{"a": "aa", "b": "bb", "c": "cc"}, all)
	all, err = Each(nil, func(string) (string, error) { panic("not called") })
	require.NoError(t, err)
	require.Empty(t, all)
}

// A step that panics in a goroutine is rolled back like one that panics itself.
func TestAsync_RollsBackPanic(t *testing.T) {
	undone := false
	p := &Plan{}
	p.Add(Step{Title: "act", Do: func(*Late) error { return <-Async(func() error { return []error{}[len(p.warnings)] }) }, Undo: func() error { undone = true; return nil }})
	a := p.run(false)
	require.True(t, undone)
	require.Equal(t, "could not act: bug: runtime error: index out of range [0] with length 0; taken back: act", a["msg"])
}

// There is an answer, whatever fails before it.
func TestRun_AnswersAfterPanic(t *testing.T) {
	for want, plan := range map[string]func(*testParams) (*Plan, error){
		"bug in module write_text, nothing was changed: out of luck": func(*testParams) (*Plan, error) { panic("out of luck") },
		"json: unsupported type: func(); what was changed is not known": func(*testParams) (*Plan, error) {
			p := &Plan{}
			p.Set("odd", func() {})
			return p, nil
		},
		"bug: no text; what was changed is not known": func(*testParams) (*Plan, error) {
			p := &Plan{}
			p.Set("odd", panicking{})
			return p, nil
		},
	} {
		var out strings.Builder
		p := program{in: strings.NewReader(`{"path": "/x", "_ansible_no_log": true}`), out: &out}
		require.Zero(t, p.run(func() Module { return New([]byte(testDoc), plan) }, "-"))
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(out.String()), &got), out.String())
		require.Equal(t, true, got["failed"])
		require.Equal(t, want, got["msg"])
	}
	var out strings.Builder
	require.Zero(t, program{out: &out}.run(func() Module { panic("no module") }, "-"))
	require.Equal(t, `{"changed":false,"failed":true,"msg":"bug: no module; what was changed is not known","warnings":[]}`+"\n", out.String())
}

// If the answer cannot be written, the error is on standard error, and the exit status is not 0.
func TestRun_OutputIsClosed(t *testing.T) {
	out, in := io.Pipe()
	require.NoError(t, out.Close())
	var stderr strings.Builder
	p := program{in: strings.NewReader(`{"path": "/nowhere/f", "_ansible_check_mode": true, "_ansible_no_log": true}`), out: in, err: &stderr}
	require.Equal(t, 1, p.run(testModule, "-"))
	require.Equal(t, "error: no answer could be given: io: read/write on closed pipe\n", stderr.String())
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("no text") }

// Only Async starts goroutines, except in packages for tests.
func TestAsync_OnlyStarterOfGoroutines(t *testing.T) {
	var others []string
	parsed := map[string]bool{}
	files := token.NewFileSet()
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasSuffix(path, "test"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || path == "../../lib/ansible/async.go":
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed[path] = true
		ast.Inspect(file, func(node ast.Node) bool {
			if startsGoroutine(node) {
				others = append(others, files.Position(node.Pos()).String())
			}
			return true
		})
		return nil
	}))
	require.True(t, parsed["../../program/main.go"], "the directory of all modules is another")
	require.Empty(t, others, "goroutines whose panics nobody recovers; hint: ansible.Async")
}

// startsGoroutine reports whether a node is a go statement or calls sync.WaitGroup.Go, time.AfterFunc or
// context.AfterFunc.
func startsGoroutine(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.GoStmt:
		return true
	case *ast.SelectorExpr:
		return node.Sel.Name == "Go" || node.Sel.Name == "AfterFunc"
	}
	return false
}
