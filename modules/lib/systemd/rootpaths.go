package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// place is where the commands of a unit run: relative paths start at its working directory, and absolute ones may be below its root directory
// (systemd.exec(5)). Commands with the prefix + run outside of it, so that both places count.
type place struct{ workingDirectory, rootDirectory string }

func newPlace(u shownUnit) place {
	at := place{workingDirectory: "/"} // the default of system services
	if path := strings.TrimLeft(u.one("WorkingDirectory"), "!-"); strings.HasPrefix(path, "/") {
		at.workingDirectory = path
	}
	if path := u.one("RootDirectory"); strings.HasPrefix(path, "/") {
		at.rootDirectory = path
	}
	return at
}

func (at place) both(path string) []string {
	if at.rootDirectory == "" {
		return []string{path}
	}
	return []string{path, filepath.Join(at.rootDirectory, path)}
}

// source is that of a bind mount, which is shown as SOURCE:DESTINATION:OPTION.
var source = lazyregexp.New(`-?(/[^:]*):[^:]*:\w+`)

// around are the files and directories that all commands have in common.
func (at place) around(u shownUnit) []string {
	var all []string
	if at.workingDirectory != "/" {
		all = at.both(at.workingDirectory)
	}
	for _, key := range []string{"RootDirectory", "RootImage"} {
		if path := u.one(key); strings.HasPrefix(path, "/") {
			all = append(all, path)
		}
	}
	for _, file := range u["EnvironmentFiles"] {
		path, _, _ := strings.Cut(file, " (ignore_errors=")
		all = append(all, expand(path)...)
	}
	for _, environment := range u["Environment"] {
		all = append(all, at.paths(environment)...) // such as BASH_ENV, RUBYLIB and PATH
	}
	all = append(all, strings.FieldsFunc(u.one("ExecSearchPath"), func(r rune) bool { return r == ' ' || r == ':' })...)
	for _, m := range source().FindAllStringSubmatch(u.one("BindPaths")+" "+u.one("BindReadOnlyPaths"), -1) {
		all = append(all, m[1])
	}
	return all
}

// expand returns the files that a glob matches, and the directory before it, where others may appear.
func expand(path string) []string {
	dir := beforeFirst(path, "*?[")
	if dir == path {
		return []string{path}
	}
	files, err := filepath.Glob(path)
	if err != nil {
		files = nil // systemd finds none by a faulty pattern either
	}
	return append([]string{dir}, files...)
}

// beforeFirst is the directory before the first part of the path that has one of the characters.
func beforeFirst(path, characters string) string {
	if i := strings.IndexAny(path, characters); i >= 0 {
		return filepath.Dir(path[:i] + "x")
	}
	return path
}

var (
	commandPath = lazyregexp.New(`path=(.*?) ; argv`)
	commandArgs = lazyregexp.New(`argv\[\]=(.*) ; (?:ignore_errors|flags)=`)
)

// program is that of a command, wherever it may be.
func (at place) program(command string) []string {
	m := commandPath().FindStringSubmatch(command)
	if m == nil {
		return nil
	}
	return at.both(m[1])
}

// arguments are those of a command that may be files. systemd shows them without quotes.
func (at place) arguments(command string) []string {
	m := commandArgs().FindStringSubmatch(command)
	if m == nil {
		return nil
	}
	if program := at.program(command); len(program) > 0 {
		if args, isSame := strings.CutPrefix(m[1], program[0]); isSame {
			return at.paths(args)
		}
	}
	_, args, _ := strings.Cut(m[1], " ") // prefix @: argv[0] is another name
	return at.paths(args)
}

// PathsIn are the absolute paths in the value of a directive.
func PathsIn(value string) []string { return place{workingDirectory: "/"}.paths(value) }

// paths are those in a text of shell words or variables, absolute or, with a `/`, relative. What a specifier, a variable or `~` stands for is not
// known.
func (at place) paths(text string) []string {
	var all []string
	isDivider := func(r rune) bool { return strings.ContainsRune(" \t\"'`;&|()<>:,", r) }
	for _, word := range strings.FieldsFunc(text, isDivider) {
		if _, value, ok := strings.Cut(word, "="); ok && !strings.HasPrefix(word, "/") {
			word = value
		}
		if i := strings.Index(word, "/"); i > 0 && strings.ContainsAny(word[:1], "-+") {
			word = word[i:] // such as -I/opt/lib, and a path with a prefix in a directive
		}
		switch {
		case !strings.Contains(word, "/") || strings.Contains(word, "%") || strings.ContainsAny(word[:1], "~$"):
		case strings.HasPrefix(word, "/"):
			all = append(all, at.both(word)...)
		default:
			all = append(all, at.both(filepath.Join(at.workingDirectory, word))...)
		}
	}
	return all
}

// unitText is the text of the files of a unit: it has what systemctl does not show.
type unitText string

var (
	comment    = lazyregexp.New(`(?m)^[ \t]*[#;].*\n`) // a \ at its end does not continue it
	startOnly  = lazyregexp.New(`(?m)^[ \t]*PermissionsStartOnly[ \t]*=[ \t]*(.*?)[ \t]*$`)
	outputFile = lazyregexp.New(`(?m)^[ \t]*Standard(?:Output|Error)[ \t]*=[ \t]*(?:file|append|truncate):(.*?)[ \t]*$`)
	inputFile  = lazyregexp.New(`(?m)^[ \t]*StandardInput[ \t]*=[ \t]*file:(.*?)[ \t]*$`)
	execLine   = lazyregexp.New(`(?m)^[ \t]*Exec(?:Condition|Start|StartPre|StartPost|Reload|Stop|StopPre|StopPost)[ \t]*=[ \t]*[-@:|]*[+!][-@:|+!]*(.*)$`)
)

// readText passes over files that cannot be read, such as one that was removed after systemd loaded it, and those that are no regular files:
// /dev/null masks a drop-in.
func readText(files []string) unitText {
	var all strings.Builder
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		all.Write(text)
		all.WriteByte('\n')
	}
	return unitText(strings.ReplaceAll(comment().ReplaceAllString(all.String(), ""), "\\\n", " "))
}

// isStartOnly reports whether User= holds for ExecStart alone. The directive is deprecated, but effective; the last one counts (systemd 240, NEWS).
func (t unitText) isStartOnly() bool {
	is := false
	for _, m := range startOnly().FindAllStringSubmatch(string(t), -1) {
		is = slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(m[1]))
	}
	return is
}

// prefixed are the commands with the prefixes + and !.
func (t unitText) prefixed() []string {
	var all []string
	for _, m := range execLine().FindAllStringSubmatch(string(t), -1) {
		all = append(all, m[1])
	}
	return all
}

// input are the files for standard input, which commands may run.
func (t unitText) input() []string {
	var all []string
	for _, m := range inputFile().FindAllStringSubmatch(string(t), -1) {
		all = append(all, m[1])
	}
	return all
}

// opened are the directories of the files for standard output and error, which root opens even if the unit has a user (systemd.exec(5)): who can
// write there can have any file of root's written by a link. The file itself may be the user's.
func (t unitText) opened() []string {
	var all []string
	for _, m := range outputFile().FindAllStringSubmatch(string(t), -1) {
		if path := beforeFirst(m[1], "%"); path != m[1] {
			all = append(all, path)
			continue
		}
		paths := []string{m[1]}
		if end, err := filepath.EvalSymlinks(m[1]); err == nil {
			paths = append(paths, end)
		}
		for _, path := range paths {
			if !isLog(path) {
				all = append(all, filepath.Dir(path))
			}
		}
	}
	return all
}

// isLog reports whether all directories between /var/log and the file are root's alone. /var/log itself does not count: on Ubuntu, it is writable
// by the group syslog.
func isLog(path string) bool {
	dir := filepath.Dir(path)
	for ; dir != "/var/log" && dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != 0 || info.Mode()&0o022 != 0 {
			return false
		}
	}
	return dir == "/var/log"
}
