package sidekiq

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Version is a version of a gem, in most cases of sidekiq itself. The zero value is an unknown version, for which every question
// gets the answer that is on the safe side.
type Version struct {
	major, minor, patch int
	text                string
}

// The largest values that any version has by default, which are those of an unknown version.
const (
	LargestDefaultConcurrency = 25 // threads, before 5.2
	LongestDefaultTimeout     = 25 // seconds, since 6.0
)

var versionText = lazyregexp.New(`^(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:\.[0-9A-Za-z]+)*$`)

// ParseVersion reads the version of a gem, such as 7.3.2 or 8.0.0.beta1, which counts as 8.0.0.
func ParseVersion(text string) (Version, error) {
	m := versionText().FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("%q is no version of a gem; accepted: numbers such as 7.3.2", text)
	}
	v := Version{text: text}
	for i, part := range []*int{&v.major, &v.minor, &v.patch} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return Version{}, err
		}
		*part = n
	}
	return v, nil
}

var locked = lazyregexp.New(`(?m)^    ([A-Za-z0-9_.-]+) \(([^()\s]+)\)\r?$`)

// LockedVersion finds the version of a gem that a lock file of Bundler pins; an unknown one when it pins none.
func LockedVersion(source []byte, gem string) (Version, error) {
	if strings.Contains(string(source), "<<<<<<<") {
		return Version{}, errors.New("it holds a merge conflict; hint: run bundle install")
	}
	var found Version
	for _, m := range locked().FindAllSubmatch(source, -1) {
		if string(m[1]) != gem {
			continue
		}
		v, err := ParseVersion(string(m[2]))
		if err != nil {
			return Version{}, err
		}
		if found.Known() && found != v {
			return Version{}, fmt.Errorf("it pins %s twice, to %s and %s; hint: run bundle install", gem, found, v)
		}
		found = v
	}
	return found, nil
}

// Known is false for the zero value.
func (v Version) Known() bool { return v.text != "" }

// String is the version as it was written, or "unknown".
func (v Version) String() string {
	if !v.Known() {
		return "unknown"
	}
	return v.text
}

// AtLeast reports whether a known version is this one or a later one.
func (v Version) AtLeast(major, minor, patch int) bool {
	switch {
	case !v.Known():
		return false
	case v.major != major:
		return v.major > major
	case v.minor != minor:
		return v.minor > minor
	}
	return v.patch >= patch
}

// DefaultConcurrency is the number of threads where nothing sets it.
func (v Version) DefaultConcurrency() int {
	switch {
	case v.AtLeast(7, 0, 0):
		return 5
	case v.AtLeast(5, 2, 0):
		return 10
	}
	return LargestDefaultConcurrency
}

// DefaultTimeout is the time in seconds that running jobs get at the end where nothing sets it.
func (v Version) DefaultTimeout() int {
	if v.Known() && !v.AtLeast(6, 0, 0) {
		return 8
	}
	return LongestDefaultTimeout
}

// Notifies reports whether Sidekiq tells systemd when it is ready and keeps its watchdog (Changes.md, 6.0.6).
func (v Version) Notifies() bool { return v.AtLeast(6, 0, 6) }

// hasCapsules reports whether capsules: in the configuration has an effect (7.0), which an unknown version may have.
func (v Version) hasCapsules() bool { return !v.Known() || v.AtLeast(7, 0, 0) }

// trim reports whether ERB's trim marks are known in config/sidekiq.yml (7.1.0), as they may be to an unknown version.
func (v Version) trim() rubyyaml.Trim {
	return rubyyaml.Trim(!v.Known() || v.AtLeast(7, 1, 0))
}
