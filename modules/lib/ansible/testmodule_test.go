package ansible

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible/answertest"
)

// The module of the tests writes a text into a file, and can succeed or fail in every way.
const testDoc = `
DOCUMENTATION:
  module: write_text
  short_description: Writes a text into a file.
  description: [For tests.]
  options:
    path: {description: [The file.], type: path, required: true}
    text: {description: [What it holds.], type: str, default: hello}
    password: {description: [Some secret.], type: str}
    tags: {description: [Words.], type: list, elements: str}
    trouble:
      description: [What goes wrong.]
      type: str
      choices: [missing, plan, plan_panic, validate, before, proof, keep, partial, panic, undo, no_undo, echo]
EXAMPLES: ""
RETURN: {}
ARGUMENT_SPEC:
  no_log: [password]
`

type testParams struct {
	Path     string   `option:"path"`
	Text     string   `option:"text"`
	Password *string  `option:"password"`
	Tags     []string `option:"tags"`
	Trouble  string   `option:"trouble"`
}

func (p *testParams) Validate() error {
	if p.Trouble == "validate" {
		return errors.New(`option "trouble" cannot be "validate"`)
	}
	return nil
}

func testPlan(p *testParams) (*Plan, error) {
	switch p.Trouble {
	case "plan":
		return nil, errors.New("cannot look")
	case "plan_panic":
		_ = []int{}[len(p.Path)]
	}
	plan := &Plan{}
	plan.Set("path", p.Path)
	found, err := os.ReadFile(p.Path)
	if err == nil && string(found) == p.Text {
		return plan, nil
	}
	if p.Trouble == "missing" {
		plan.Missing(errors.New("no ink"))
		plan.Missing(errors.New("no paper"))
	}
	plan.Warn("about to write %s", p.Path)
	plan.Add(writeStep(p, string(found), err == nil))
	proof := Step{Title: "prove " + p.Path, Proof: true, Do: func(l *Late) error { return prove(p, l) }}
	if p.Trouble == "keep" {
		proof.OnFailure = KeepAll
	}
	plan.Add(proof)
	return plan, nil
}

func writeStep(p *testParams, before string, existed bool) Step {
	s := Step{
		Title: "write " + p.Path,
		Diff:  &Diff{Before: before, After: p.Text, BeforeHeader: p.Path, AfterHeader: p.Path},
		Do: func(*Late) error {
			if p.Trouble == "before" {
				return errors.New("disk full")
			}
			err := os.WriteFile(p.Path, []byte(p.Text), 0o600)
			if p.Trouble == "partial" {
				return Partial(errors.New("half written"))
			}
			if p.Trouble == "panic" {
				panic("out of luck")
			}
			return err
		},
		Undo: func() error {
			if p.Trouble == "undo" {
				return errors.New("still no luck")
			}
			if existed {
				return os.WriteFile(p.Path, []byte(before), 0o600)
			}
			return os.Remove(p.Path)
		},
	}
	if p.Trouble == "no_undo" {
		s.Undo = nil
	}
	return s
}

func prove(p *testParams, l *Late) error {
	l.Set("proved", true)
	switch p.Trouble {
	case "proof", "undo", "no_undo":
		return errors.New("it is not so")
	case "keep":
		return errors.New("not our fault")
	case "echo":
		l.Warn("the password is %s", *p.Password)
		return errors.New("it says " + *p.Password)
	}
	return nil
}

func testModule() Module { return New([]byte(testDoc), testPlan) }

func TestMain(m *testing.M) {
	main := func() { os.Exit(Main("1.2.3", Modules{"write_text": testModule})) }
	testscript.Main(m, map[string]func(){"write_text": main, "AnsiballZ_write_text": main, "multi": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){"answer": answertest.Command},
	})
}

// call runs the module in this process.
func call(t *testing.T, args map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(args)
	require.NoError(t, err)
	out, err := testModule().answer(text).text()
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(out, &got))
	return got
}
