package sudolint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// lay creates a directory that, like its parents, only root can change.
func lay(t *testing.T) string {
	t.Helper()
	testenv.NeedRoot(t, "paths of root need root")
	if _, err := exec.LookPath("setfacl"); err != nil {
		testenv.NotTested(t, "setfacl is not installed")
	}
	dir, err := os.MkdirTemp("/var/lib", "sudolint-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// onHost returns the findings about a command on the host, without not_analysed, which nearly all have.
func onHost(t *testing.T, command string) []Finding {
	t.Helper()
	c, err := sudoers.ParseCommand(command)
	require.NoError(t, err)
	found, _, err := CheckOnHost(c, Facts{Systemd: 245})
	require.NoError(t, err, command)
	var all []Finding
	for _, f := range found {
		if f.Check != NotAnalysed {
			all = append(all, f)
		}
	}
	return all
}

func TestWriters_GroupOfRoot(t *testing.T) {
	path := filepath.Join(lay(t), "x")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	defer func(was func() (bool, error)) { rootGroupHasMembers = was }(rootGroupHasMembers)
	for _, c := range []struct {
		hasMembers bool
		mode       os.FileMode
		want       string
	}{
		{false, 0o775, ""},
		{true, 0o755, ""},
		{true, 0o775, path + " has group 0 and mode 0775"},
	} {
		rootGroupHasMembers = func() (bool, error) { return c.hasMembers, nil }
		require.NoError(t, os.Chmod(path, c.mode))
		info, err := os.Lstat(path)
		require.NoError(t, err)
		who, err := writers(path, info)
		require.NoError(t, err)
		require.Equal(t, c.want, who)
	}
}

func TestCheckOnHost(t *testing.T) {
	root := lay(t)
	at := func(name string) string { return filepath.Join(root, name) }
	mkdir := func(name string, mode os.FileMode, uid, gid int) {
		require.NoError(t, os.Mkdir(at(name), 0o755))
		require.NoError(t, os.Chown(at(name), uid, gid))
		require.NoError(t, os.Chmod(at(name), mode))
	}
	program := func(name string, mode os.FileMode, uid, gid int, text string) {
		require.NoError(t, os.WriteFile(at(name), []byte(text), 0o600))
		require.NoError(t, os.Chown(at(name), uid, gid))
		require.NoError(t, os.Chmod(at(name), mode))
	}
	link := func(name, target string, uid int) {
		require.NoError(t, os.Symlink(target, at(name)))
		require.NoError(t, os.Lchown(at(name), uid, 0))
	}
	mkdir("good", 0o755, 0, 0)
	mkdir("home", 0o755, 1000, 1000)
	mkdir("group", 0o775, 0, 27)
	mkdir("wheel", 0o775, 0, 0)
	mkdir("sticky", os.ModeSticky|0o777, 0, 0)
	for _, dir := range []string{"good", "home", "group", "wheel", "sticky"} {
		program(dir+"/x", 0o755, 0, 0, "\x7fELF")
	}
	program("good/script", 0o755, 0, 0, "#!/bin/sh\n")
	program("good/empty", 0o755, 0, 0, "")
	program("good/loose", 0o757, 0, 0, "\x7fELF")
	program("good/theirs", 0o755, 1000, 0, "\x7fELF")
	program("good/plain", 0o644, 0, 0, "text")
	link("good/link", "x", 0)
	link("good/absolute", at("good/x"), 0)
	link("good/up", "../good/./x", 0)
	link("good/through", "../home/back", 0)
	link("home/back", at("good/x"), 0)
	link("good/owned", "x", 1000)
	link("good/loop", "loop", 0)
	link("good/dangling", "none", 0)
	link("folder", "home", 0)
	program("good/home_script", 0o755, 0, 0, "#!"+at("home/x")+" -w\n")
	program("good/env_script", 0o755, 0, 0, "#!/usr/bin/env -S PATH=/bin "+at("home/x")+" -w\n")
	program("good/second", 0o755, 0, 0, "#!"+at("good/home_script")+"\n")
	program("good/args_script", 0o755, 0, 0, "#!/bin/sh "+at("home/x")+"\n")
	program("good/env_args", 0o755, 0, 0, "#!/usr/bin/env -S"+at("home/x")+"\n")
	require.NoError(t, syscall.Mkfifo(at("home/fifo"), 0o666))
	program("good/fifo_script", 0o755, 0, 0, "#!"+at("home/fifo")+"\n")
	program("good/dir_script", 0o755, 0, 0, "#!"+at("good")+"\n")
	program("good/perl_script", 0o755, 0, 0, "#!/usr/bin/env perl")
	program("good/acl_user", 0o755, 0, 0, "\x7fELF")
	program("good/acl_read", 0o775, 0, 27, "\x7fELF")
	program("good/acl_group", 0o755, 0, 0, "\x7fELF")
	program("good/acl_masked", 0o755, 0, 0, "\x7fELF")
	program("good/acl_root", 0o755, 0, 0, "\x7fELF")
	program("good/busybox", 0o755, 0, 0, "\x7fELF")
	program("good/systemctl", 0o755, 0, 0, "\x7fELF")
	link("good/date", "busybox", 0)
	link("good/ctl", "systemctl", 0)
	link("good/reboot", "systemctl", 0)
	link("good/true", "systemctl", 0)
	link("good/kill", "systemctl", 0)
	mkdir("acl", 0o755, 0, 0)
	program("acl/x", 0o755, 0, 0, "\x7fELF")
	setfacl := func(acl, name string) {
		out, err := exec.Command("setfacl", "-m", acl, at(name)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	setfacl("u:1000:rwx", "good/acl_user")
	setfacl("g:27:r-x,g::r-x", "good/acl_read")
	setfacl("g:27:rwx", "good/acl_group")
	setfacl("u:1000:rwx,m::r-x", "good/acl_masked")
	setfacl("u:0:rwx,g:0:rwx", "good/acl_root")
	setfacl("u:1000:rwx", "acl")
	perl, err := filepath.EvalSymlinks("/usr/bin/perl")
	require.NoError(t, err)
	link("good/interpreter", perl, 0)
	mkdir("linked", 0o755, 0, 0)
	require.NoError(t, os.Link(perl, at("linked/tool"))) // /usr and /var/lib are one file system where tests run
	bash, err := filepath.EvalSymlinks("/usr/bin/bash")
	require.NoError(t, err)
	require.NoError(t, os.Link(bash, at("linked/versioned")))
	systemctl, err := filepath.EvalSymlinks("/bin/systemctl")
	require.NoError(t, err)
	require.NoError(t, os.Link(systemctl, at("linked/ctl")))
	for command, want := range map[string]string{
		"good/x": "", "wheel/x": "", "good/link": "", "good/absolute": "", "good/up": "", "good/empty": "", "good/acl_read": "",
		"good/script":      "info script",
		"good/perl_script": "info script",
		"home/x":           "error writable_path",
		"group/x":          "error writable_path",
		"sticky/x":         "error writable_path",
		"good/loose":       "error writable_path",
		"good/theirs":      "error writable_path",
		"good/through":     "error writable_path",
		"good/owned":       "error writable_path",
		"folder/x":         "error writable_path",
		"good/none":        "error missing_path",
		"good/x/none":      "error missing_path",
		"good/dangling":    "error missing_path",
		"good":             "error missing_path",
		"good/plain":       "error missing_path",
		"home/none":        "error writable_path, error missing_path",

		// ACLs
		"good/acl_user":   "error writable_path",
		"good/acl_group":  "error writable_path",
		"good/acl_masked": "",
		"good/acl_root":   "",
		"acl/x":           "error writable_path",

		// Interpreters, also of interpreters
		"good/home_script": "info script, error writable_path",
		"good/env_script":  "info script, error writable_path",
		"good/second":      "info script, error writable_path",

		// Other names of a program
		"good/interpreter x": "error shell_escape",
		"linked/tool x":      "error shell_escape",
		"good/date":          "error shell_escape",
		"good/ctl edit x":    "error systemctl_verb",
		"good/ctl status x":  "error pager",
		"good/ctl":           "error any_arguments",
		"good/ctl restart x": "",
		"good/true edit x":   "error systemctl_verb", "good/true": "error any_arguments", "good/kill edit x": "error systemctl_verb",
		"good/reboot":                  "",
		"good/x " + at("home/x"):       "error writable_path",
		"good/x --f=" + at("home/x"):   "error writable_path",
		"good/x -f" + at("home/x"):     "error writable_path",
		"good/x @" + at("home/none"):   "error writable_path",
		"good/x " + at("home") + "/*":  "error writable_path",
		"good/x " + at("good/x"):       "",
		"good/x " + at("good/none"):    "",
		"good/x " + at("good/loop"):    "",
		"good/x /dev/stdin":            "error writable_path",
		"good/x --in=/dev/fd/0":        "error writable_path",
		"good/x /proc/self/fd/0":       "error writable_path",
		"good/x /dev/null":             "",
		"good/x http:/" + at("home/x"): "",
		"good/x in:" + at("home/x"):    "error writable_path",
		"good/x " + perl:               "error shell_escape",

		"good/args_script":                 "info script, error writable_path",
		"good/env_args":                    "info script, error writable_path",
		"good/fifo_script":                 "info script, error writable_path",
		"good/dir_script":                  "info script",
		"good/loop":                        "error missing_path",
		"linked/versioned":                 "error shell_escape",
		"linked/ctl restart x":             "",
		"linked/ctl edit x":                "error systemctl_verb",
		"good/x file://" + at("home/x"):    "error writable_path",
		"good/x /" + at("home/x"):          "error writable_path",
		"good/x -xf" + at("home/x"):        "error writable_path",
		"good/x some#" + at("home/x"):      "error writable_path",
		"good/x some" + at("home/x"):       "",
		"good/x " + at("good/loop") + "/y": "",

		// Directories and wildcards allow their own danger only
		"home/":     "error writable_path",
		"linked/":   "error any_arguments, error shell_escape",
		"wheel/":    "",
		"ho*e/x":    "error writable_path",
		"wheel/*":   "",
		"lin*/t* x": "error shell_escape",
	} {
		found := onHost(t, root+"/"+command)
		require.Equal(t, want, strings.Join(ids(found), ", "), "%s: %v", command, found)
	}
	require.Equal(t, fmt.Sprintf("%q can be replaced by users other than root: %s has owner 1000; hint: put it where only root can write", at("good/through"), at("home")),
		onHost(t, at("good/through"))[0].String())
	require.Empty(t, onHost(t, "ALL"))

	units, err := CheckUnit("x.service", []string{at("good/x"), at("home/x"), at("none")})
	require.NoError(t, err)
	require.Equal(t, []string{"error writable_unit"}, ids(units))
	units, err = CheckUnit("x.service", []string{at("good/script"), at("good/home_script")})
	require.NoError(t, err)
	require.Equal(t, []string{"error writable_unit"}, ids(units))
}

func TestCheckOnHost_NotAnalysed(t *testing.T) {
	root := lay(t)
	require.NoError(t, os.WriteFile(filepath.Join(root, "own"), []byte("\x7fELF"), 0o755))
	for command, want := range map[string][]string{
		filepath.Join(root, "own") + " x": {"info not_analysed"}, "/bin/systemctl restart x": {}, "/bin/true": {}, "/bin/cat /etc/motd": {},
	} {
		c, err := sudoers.ParseExact(command)
		require.NoError(t, err)
		found, _, err := CheckOnHost(c, Facts{})
		require.NoError(t, err)
		require.Equal(t, want, ids(found), command)
	}
}

func TestCheckOnHost_Units(t *testing.T) {
	for command, want := range map[string][]string{
		"/bin/systemctl restart a b.socket": {"a.service", "b.socket"}, "/usr/sbin/service a restart": {"a.service"}, "/etc/init.d/a start": {"a.service"},
		"/bin/systemctl --now enable a": {"a.service"}, "/bin/systemctl kill a": {"a.service"}, "/bin/systemctl start a@ @b a@b": {"a@b.service"},
		"/usr/sbin/invoke-rc.d --quiet a restart": {"a.service"}, "/usr/sbin/service": nil, "/bin/systemctl is-active a": nil, "/bin/systemctl": nil, "/opt/x start a": nil, "/bin/systemctl restart *": nil,
	} {
		c, err := sudoers.ParseCommand(command)
		require.NoError(t, err)
		_, units, err := CheckOnHost(c, Facts{})
		require.NoError(t, err)
		require.Equal(t, want, units, command)
	}
}

// env(1) executes the first that exists.
func TestInterpreter_Env(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/env perl": "/usr/bin/perl", "/usr/bin/env -S A=b perl -w": "/usr/bin/perl", "/usr/bin/env /usr/bin/perl": "", "/usr/bin/perl": "", "/usr/bin/env": "",
		"/usr/bin/env none": "",
	} {
		require.Equal(t, want, interpreterByEnv(strings.Fields(line)), line)
	}
}

// Reading a log of www-data in a directory of root cannot show another file.
func TestCheckOnHost_ReadFiles(t *testing.T) {
	root := lay(t)
	log := filepath.Join(root, "error.log")
	require.NoError(t, os.WriteFile(log, nil, 0o640))
	require.NoError(t, os.Chown(log, 33, 4))
	require.Empty(t, onHost(t, "/usr/bin/tail -n 100 "+log))
	require.Equal(t, []string{"error writable_path"}, ids(onHost(t, "/usr/bin/logger -f "+log)))
	require.NoError(t, os.Chown(root, 33, 4))
	require.Equal(t, []string{"error writable_path"}, ids(onHost(t, "/usr/bin/tail -n 100 "+log)))
}

func TestCheckOnHost_RelativePaths(t *testing.T) {
	for command, want := range map[string]string{
		"/usr/bin/tail x.log": "error writable_path", "/usr/bin/cat ./x": "error writable_path", "/usr/bin/tail -n 5 /etc/passwd": "",
		"/usr/bin/tail -n5 /etc/passwd": "", "/usr/bin/head -5 /etc/passwd": "", "/usr/bin/grep root /etc/passwd": "",
	} {
		require.Equal(t, want, strings.Join(ids(onHost(t, command)), ", "), command)
	}
}
