package sudolint

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// replaceable ends the message of WritablePath; it needs a reason.
const replaceable = "can be replaced by users other than root: %s"

// CheckOnHost looks at the program of a command on this host, as the kernel will find it, at the interpreter of a script, and at files that the
// arguments name: whether they are there, whether users other than root can replace one, by any directory, link or ACL on the way, and
// whether the program is a dangerous one by another name. Of the programs of a directory, and of a path with wildcards, it returns the first
// error of each check. units are those whose commands systemd runs because of the command, such as systemctl restart.
func CheckOnHost(c sudoers.Command, host Facts) (found []Finding, units []string, err error) {
	var all findings
	commands, err := commandsOf(c)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range commands {
		program, err := walk("/", one.Path())
		if err != nil {
			return nil, nil, err
		}
		names := append(program.paths, otherLinks(program)...)
		if err := all.checkProgram(one, program, names, one.Path() == c.Path(), host); err != nil {
			return nil, nil, err
		}
		units = append(units, unitsOf(one, names)...)
	}
	for _, arg := range filesOf(c) {
		if err := all.checkArgument(c, arg); err != nil {
			return nil, nil, err
		}
	}
	if len(commands) == 1 && commands[0].Path() == c.Path() {
		return all.unique(), units, nil
	}
	return all.first(), units, nil
}

// commandsOf are the commands that one grants on this host, each with one program: of a directory its programs and itself.
func commandsOf(c sudoers.Command) (all []sudoers.Command, err error) {
	dir, isDir := strings.CutSuffix(c.Path(), "/")
	pattern := c.Path()
	switch {
	case !strings.HasPrefix(c.Path(), "/"): // ALL
		return nil, nil
	case isDir:
		pattern = dir + "/*"
	case !strings.ContainsAny(c.Path(), "*?["):
		return []sudoers.Command{c}, nil
	}
	programs, err := filepath.Glob(pattern)
	if isDir {
		programs = append(programs, dir)
	}
	for _, program := range programs {
		one, fault := sudoers.ParseCommand(strings.Join(append([]string{program}, c.Args()...), " "))
		if fault == nil { // a name that cannot be written matches all the same, but no list has such a name
			all = append(all, one)
		}
	}
	return all, err
}

// checkProgram looks at the program of a command, found under these names. It may be missing unless the rule names it, as exact says.
func (all *findings) checkProgram(c sudoers.Command, found trail, names []string, exact bool, host Facts) error {
	program := c.Path()
	if found.open != "" {
		all.add(WritablePath, Error, program, replaceable, found.open).hint("put it where only root can write")
	}
	switch {
	case exact && found.target == nil:
		all.add(MissingPath, Error, program, "does not exist on this host, so the rule has no effect until a program is put there").
			hint("install it before, or correct the path")
		return nil
	case exact && !isExecutable(found.target):
		all.add(MissingPath, Error, program, "is not an executable file").hint("correct the path")
		return nil
	case found.target == nil || !isExecutable(found.target):
		return nil
	}
	if !exact {
		all.checkProgramNamed(c, host)
	}
	if listed(escapes, program) == "" {
		if name := listed(escapes, names...); name != "" {
			all.add(ShellEscape, Error, program, "permits a shell escape: it is %s under another name, which can start programs, write any file or change accounts", name).
				hint("grant a script of your own instead, owned by root, without arguments")
		} else {
			all.checkOtherName(c, names, host)
		}
	}
	if exact && !isKnown(names) {
		all.add(NotAnalysed, Info, program, "is not analysed: nothing is known of what it does as root")
	}
	return all.checkInterpreter(program, found.end)
}

// applets are names under which a program of the tools does one thing: systemctl and kmod look at how they are called.
var applets = slices.Concat(otherNames, words("lsmod modinfo"))

// checkOtherName looks at a command whose program is one of the tools by a link of another name. names are all its paths.
func (all *findings) checkOtherName(c sudoers.Command, names []string, host Facts) {
	isNew := func(list []string) bool { return listed(list, c.Path()) == "" && listed(list, names...) != "" }
	if _, isKnown := asSystemctl(c, c.Path()); !isKnown {
		if s, ok := asSystemctl(c, names...); ok {
			all.checkSystemctl(c, s, host)
		}
	}
	if slices.Contains(applets, filepath.Base(c.Path())) {
		return
	}
	if isNew(slices.Concat(tools, readers)) && c.TakesAnyArguments() {
		all.checkNames(c, names...)
	}
	if isNew(pagers) {
		all.checkPager(c, host)
	}
}

func isExecutable(info fs.FileInfo) bool { return info.Mode().IsRegular() && info.Mode()&0o111 != 0 }

// programDirs are where a hard link is compared with the programs of the lists, and where env(1) finds an interpreter under sudo (secure_path).
var programDirs = words("/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin")

// otherLinks are the paths of programs that are hard links to the same file.
func otherLinks(t trail) (links []string) {
	if t.target == nil || t.target.Sys().(*syscall.Stat_t).Nlink < 2 {
		return nil
	}
	for _, dir := range programDirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // a host need not have it
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && os.SameFile(info, t.target) {
				links = append(links, filepath.Join(dir, e.Name()))
			}
		}
	}
	return links
}

// maxInterpreters is how many scripts the kernel follows from interpreter to interpreter (execve(2)).
const maxInterpreters = 4

// checkInterpreter looks at the interpreters of a script; path is where it is, without symbolic links.
func (all *findings) checkInterpreter(program, path string) error {
	interpreters, err := interpretersOf(path)
	if err != nil || len(interpreters) == 0 {
		return err
	}
	all.add(Script, Info, program, "is a script: its interpreter and all files that it reads must be writable by root only")
	for _, i := range interpreters {
		if i.open != "" {
			all.add(WritablePath, Error, program, "has the interpreter %s, which "+replaceable, i.file, i.open).hint("use an interpreter that only root can write to")
		}
	}
	return nil
}

// interpreter is a program that a script needs to run.
type interpreter struct {
	file string // as it is named
	trail
}

// interpretersOf are those that the `#!` line of a script leads to, also from script to script; none where the file is no script.
func interpretersOf(path string) ([]interpreter, error) {
	var all []interpreter
	for range maxInterpreters {
		files, err := interpreterOf(path)
		if err != nil || len(files) == 0 {
			return all, err
		}
		for _, file := range files {
			found, err := walk("/", file)
			if err != nil {
				return nil, err
			}
			all = append(all, interpreter{file, found})
			path = found.end
		}
		if path == "" {
			return all, nil
		}
	}
	return all, nil
}

// interpreterOf returns the program of a `#!` line, behind /usr/bin/env the one that this finds, and the files that the line names. It is nil
// for a file that is not a script.
func interpreterOf(path string) ([]string, error) {
	// The owner of a directory on the way may put a link or a FIFO in the place of the program meanwhile.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	const longest = 256 // of the line (execve(2))
	line, err := bufio.NewReaderSize(io.LimitReader(f, longest), longest).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text, isScript := strings.CutPrefix(line, "#!")
	fields := strings.Fields(text)
	if !isScript || len(fields) == 0 {
		return nil, nil
	}
	all := []string{fields[0]}
	if name := interpreterByEnv(fields); name != "" {
		all = append(all, name)
	}
	for _, word := range fields[1:] {
		if path := pathIn(word); path != "" {
			all = append(all, path)
		}
	}
	return all, nil
}

// interpreterByEnv is what env(1) finds for the words of a `#!` line, "" where that is not env's, or names a path.
func interpreterByEnv(fields []string) string {
	if filepath.Base(fields[0]) != "env" {
		return ""
	}
	for _, word := range fields[1:] {
		if strings.HasPrefix(word, "-") || strings.Contains(word, "=") {
			continue
		}
		for _, dir := range programDirs {
			if file := filepath.Join(dir, word); !strings.Contains(word, "/") && exists(file) {
				return file
			}
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// checkArgument looks at a file that an argument names, as in /PATH, --option=/PATH, -o/PATH and @/PATH: who can replace it decides what the
// program reads, runs or overwrites as root.
func (all *findings) checkArgument(c sudoers.Command, arg string) error {
	path := pathIn(arg)
	if path == "" {
		return nil
	}
	if isCallers(path) {
		all.add(WritablePath, Error, c.String(), "names the file %s, which the caller chooses", path).hint("name a file where only root can write")
		return nil
	}
	found, err := walk("/", path)
	if err != nil {
		return err
	}
	isOnlyRead := found.openFile && listed(fileReaders, c.Path()) != "" // who can write to a file may have it read
	if found.open != "" && !isOnlyRead {
		all.add(WritablePath, Error, c.String(), "names the file %s, which "+replaceable, path, found.open).hint("put it where only root can write")
	}
	if name := listed(escapes, found.paths...); name != "" && found.target != nil && isExecutable(found.target) {
		all.add(ShellEscape, Error, c.String(), "permits a shell escape: its argument names %s", name).hint("grant a script of your own instead, owned by root, without arguments")
	}
	return nil
}

// isCallers reports whether a path leads to the standard input, or another descriptor or file of the process that runs the command.
func isCallers(path string) bool {
	return slices.ContainsFunc(words("/dev/stdin/ /dev/fd/ /dev/tty/ /proc/self/ /proc/thread-self/"), func(start string) bool { return strings.HasPrefix(path+"/", start) })
}

// filesOf are the arguments that name files, and of tail(1) and the like what is relative to the caller's directory, as a file there.
func filesOf(c sudoers.Command) []string {
	files := slices.Clone(c.Args())
	switch {
	case listed(fileReaders, c.Path()) != "":
		for i, arg := range files {
			isNumber := strings.Trim(arg, "0123456789") == "" // of an option, as in tail -n 5
			if arg[0] != '-' && arg[0] != '+' && arg[0] != '/' && !isNumber {
				files[i] = "/proc/self/cwd/" + arg
			}
		}
	case isService(c) && len(serviceArgs(c)) > 0: // it runs the script of System V's init where there is no unit
		files = append(files, "/etc/init.d/"+serviceArgs(c)[0])
	}
	return files
}

// pathIn is the absolute path in an argument, up to the directory before a wildcard; "" where there is none. A path may follow an option's
// letters or a character that separates; behind a letter or digit it is a relative one.
func pathIn(arg string) string {
	arg = strings.TrimPrefix(arg, "file://")
	start := strings.Index(arg, "/")
	isOption := len(arg) > 1 && arg[0] == '-' && arg[1] != '-'
	switch {
	case start < 0 || strings.Contains(arg[:start+1], ":/") && strings.HasPrefix(arg[start:], "//"): // a URL
		return ""
	case start > 0 && !strings.ContainsAny(arg[start-1:start], "=:,@+#|") && !isOption:
		return ""
	}
	path, _, isWild := strings.Cut(arg[start:], "*")
	if i := strings.IndexAny(path, "?["); i >= 0 {
		path, isWild = path[:i], true
	}
	if isWild {
		path = filepath.Dir(path + "x")
	}
	return path
}
