package systemd

import (
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lazyregexp"
)

// commands are the properties of a service that start programs; those in Ex tell from systemd 243 which of them root runs although the
// service has another user (the prefix +, systemd.service(5)).
var commands = []string{"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"}

var (
	execPath  = lazyregexp.New(`path=(\S+) ;`)
	execArgs  = lazyregexp.New(`argv\[\]=(.*?) ;`)
	execFlags = lazyregexp.New(`flags=[^;]*\bprivileged\b`)
)

// RootFiles are the files that root trusts when the unit is started or stopped: its own, and of the commands that root runs for it the
// programs and all arguments that are absolute paths. A unit that does not exist, or is masked by a link to /dev/null, has none.
func (s Systemctl) RootFiles(unit string) ([]string, error) {
	properties := "LoadState,FragmentPath,DropInPaths,User"
	for _, c := range commands {
		properties += "," + c + "," + c + "Ex"
	}
	out, err := s.run("show", "-p", properties, "--", unit)
	if err != nil {
		return nil, err
	}
	return rootFiles(out), nil
}

func rootFiles(out string) []string {
	var files, byRoot, byAnybody []string
	user := ""
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case value == "":
		case key == "LoadState" && value == "masked":
			return nil
		case key == "FragmentPath" || key == "DropInPaths":
			files = append(files, strings.Fields(value)...)
		case key == "User":
			user = value
		case strings.HasSuffix(key, "Ex") && execFlags().MatchString(value):
			byRoot = append(byRoot, paths(value)...)
		case strings.HasPrefix(key, "Exec") && !strings.HasSuffix(key, "Ex"):
			byAnybody = append(byAnybody, paths(value)...)
		}
	}
	files = append(files, byRoot...)
	if user == "" || user == "root" {
		files = append(files, byAnybody...)
	}
	return files
}

// paths are the program of a command and those of its arguments that may be files.
func paths(command string) []string {
	var all []string
	if m := execPath().FindStringSubmatch(command); m != nil {
		all = append(all, m[1])
	}
	if m := execArgs().FindStringSubmatch(command); m != nil {
		for _, word := range strings.Fields(m[1])[1:] {
			if strings.HasPrefix(word, "/") {
				all = append(all, word)
			}
		}
	}
	return all
}
