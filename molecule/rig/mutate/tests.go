package mutate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// A goPackage is a package as `go list` prints it.
type goPackage struct {
	ImportPath, Dir            string
	GoFiles, TestGoFiles, Deps []string
}

func listPackages(ctx context.Context, args ...string) ([]goPackage, error) {
	out, err := lab.Run(ctx, nil, "go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,Deps"}, args...)...)
	if err != nil {
		return nil, err
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// files returns the relative paths of the source files, or none if the package is outside of the working directory.
func (p goPackage) files() (all []string, err error) {
	project, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if dir, err := filepath.Rel(project, p.Dir); err == nil && filepath.IsLocal(dir) {
		for _, file := range p.GoFiles {
			all = append(all, filepath.Join(dir, file))
		}
	}
	return all, nil
}

// tests run the tests of packages.
type tests struct {
	packages []goPackage
	scratch  string                   // directory
	limits   map[string]time.Duration // of packages whose tests passed without a change
}

// Results of mutants that no test finds.
const (
	notFound       = "not found"
	doesNotCompile = "does not compile"
)

// run returns the test that finds the mutant, or another result.
func (t tests) run(ctx context.Context, m mutant) (string, error) {
	overlay, err := t.writeOverlay(m)
	if err != nil {
		return "", err
	}
	if err := lab.Command(ctx, "go", "build", "-overlay", overlay, m.pkg).Run(); err != nil {
		return doesNotCompile, ctx.Err()
	}
	for _, pkg := range t.of(m.pkg) {
		if err := t.limit(ctx, pkg); err != nil {
			return "", err
		}
		out, err := t.goTest(ctx, pkg, t.limits[pkg], overlay)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return "found by " + path.Base(pkg) + " " + failedTest(out), nil
		}
	}
	return notFound, nil
}

// writeOverlay writes the mutant, and the file for `go -overlay` that replaces the source.
func (t tests) writeOverlay(m mutant) (string, error) {
	source, err := m.source()
	if err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(t.scratch, "mutant.go"), filepath.Join(t.scratch, "overlay.json")
	if err := os.WriteFile(changed, source, 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{m.path: changed}})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// of returns the packages whose tests can find a change of pkg; pkg is the first.
func (t tests) of(pkg string) []string {
	var all []string
	for _, p := range t.packages {
		switch {
		case len(p.TestGoFiles) == 0:
		case p.ImportPath == pkg:
			all = slices.Insert(all, 0, pkg)
		case slices.Contains(p.Deps, pkg):
			all = append(all, p.ImportPath)
		}
	}
	return all
}

// limit runs the tests once without a change. They must pass; with a change their timeout is ten times as long.
func (t tests) limit(ctx context.Context, pkg string) error {
	if t.limits[pkg] > 0 {
		return nil
	}
	began := time.Now()
	if out, err := t.goTest(ctx, pkg, 10*time.Minute, ""); err != nil {
		return fmt.Errorf("tests of %s without a change: %w: %s", pkg, err, lab.Tail(out, 2000))
	}
	t.limits[pkg] = max(10*time.Since(began), 30*time.Second)
	return nil
}

// sandbox runs a test as a child of process 1 of a PID namespace, with a memory limit, and makes the directories
// that modules change read-only.
const sandbox = `unshare --mount --pid --fork --kill-child --mount-proc sh -ec '
	ulimit -v 8388608
	for dir in /etc /home /opt /root /srv /usr/lib /usr/local; do mount --bind $dir $dir; mount -o remount,bind,ro $dir; done
	mount -t tmpfs tmpfs /run
	"$0" "$@"
	exit 0'`

func (t tests) goTest(ctx context.Context, pkg string, limit time.Duration, overlay string) (string, error) {
	cmd := lab.Command(ctx, "go", "test", "-count=1", "-vet=off", "-failfast", "-timeout", limit.String(), "-exec", sandbox, "-overlay", overlay, pkg)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.scratch) // a test that is killed leaves its files
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// failure matches the line before the output of a failed test, which the lines of its subtests follow.
var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

func failedTest(out string) string {
	if strings.Contains(out, "panic: test timed out") {
		return "(timeout)"
	}
	if names := failure.FindAllStringSubmatch(out, -1); names != nil {
		return names[len(names)-1][1]
	}
	return "(no name)"
}
