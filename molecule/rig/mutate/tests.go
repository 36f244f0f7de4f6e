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

// A goPackage is what `go list` says about a package.
type goPackage struct {
	ImportPath, Dir                    string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Deps                               []string
}

func listPackages(ctx context.Context, args ...string) ([]goPackage, error) {
	out, err := lab.Run(ctx, nil, "go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles,Deps"}, args...)...)
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

// sandbox keeps a mutant from changing the files of this machine that modules change on hosts, from leaving processes behind, and from using all memory.
// The shell stays, as process 1.
const sandbox = `unshare --mount --pid --fork --kill-child --mount-proc sh -ec '
	ulimit -v 8388608
	for dir in /etc /home /opt /root /srv /usr/lib /usr/local; do mount --bind $dir $dir; mount -o remount,bind,ro $dir; done
	mount -t tmpfs tmpfs /run
	"$0" "$@"
	exit 0'`

// tests run the tests of packages.
type tests struct {
	packages []goPackage
	scratch  string
	limits   map[string]time.Duration // of tests that passed without a change
}

// of returns the packages whose tests can notice a change of another, that one first.
func (t tests) of(pkg string) []string {
	var all []string
	for _, p := range t.packages {
		if p.ImportPath == pkg && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
			all = slices.Insert(all, 0, pkg)
		}
		if slices.Contains(p.Deps, pkg) && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
			all = append(all, p.ImportPath)
		}
	}
	return all
}

func goTest(ctx context.Context, pkg string, limit time.Duration, overlay string) (string, error) {
	out, err := lab.Command(ctx, "go", "test", "-count=1", "-vet=off", "-failfast", "-timeout", limit.String(), "-exec", sandbox, "-overlay", overlay, pkg).CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return string(out), err
}

// limit runs the tests without a change, unless it did. They have to pass; with one, they get ten times as long.
func (t tests) limit(ctx context.Context, pkg string) (time.Duration, error) {
	if t.limits[pkg] == 0 {
		began := time.Now()
		if out, err := goTest(ctx, pkg, 10*time.Minute, ""); err != nil {
			return 0, fmt.Errorf("tests of %s without a change: %w: %s", pkg, err, lab.Tail(out, 2000))
		}
		t.limits[pkg] = max(10*time.Since(began), 30*time.Second)
	}
	return t.limits[pkg], nil
}

// notice returns the test that notices the mutant, or "". compiles is false if the mutant does not compile.
func (t tests) notice(ctx context.Context, m mutant) (test string, compiles bool, err error) {
	overlay, err := writeOverlay(m, t.scratch)
	if err != nil {
		return "", false, err
	}
	if err := lab.Command(ctx, "go", "build", "-overlay", overlay, m.pkg).Run(); err != nil {
		return "", false, ctx.Err()
	}
	for _, pkg := range t.of(m.pkg) {
		limit, err := t.limit(ctx, pkg)
		if err != nil {
			return "", true, err
		}
		out, err := goTest(ctx, pkg, limit, overlay)
		if ctx.Err() != nil {
			return "", true, err
		}
		if err != nil {
			return path.Base(pkg) + " " + failure(out), true, nil
		}
	}
	return "", true, nil
}

// failedTest matches what `go test` prints before the output of a test; that of its subtests follows.
var failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

func failure(out string) string {
	if strings.Contains(out, "panic: test timed out") {
		return "(timeout)"
	}
	if names := failedTest.FindAllStringSubmatch(out, -1); names != nil {
		return names[len(names)-1][1]
	}
	return "(no name)"
}

// writeOverlay writes the mutant, and the file by which `go` uses it instead of the source.
func writeOverlay(m mutant, scratch string) (string, error) {
	source, err := m.source()
	if err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(scratch, "mutant.go"), filepath.Join(scratch, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file: changed}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(changed, source, 0o600); err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, text, 0o600)
}
