package sudolint

import (
	"path"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
)

// words makes a list of them.
func words(text string) []string { return strings.Fields(text) }

var (
	// shells start any program, write any file or give any account, when run as root.
	shells = words(`sh bash dash zsh ksh mksh fish csh tcsh busybox env su sudo sudoedit visudo doas pkexec runuser setpriv unshare nsenter chroot
		python perl ruby irb node nodejs php lua tclsh gdb strace ltrace awk gawk mawk nawk sed ed find xargs parallel script expect
		vi vim view nvim nano pico emacs editor less more most man pg watch timeout nice ionice nohup time stdbuf taskset flock
		tar cpio zip rsync scp sftp ssh curl wget socat nc ncat tee cp mv dd install ln chmod chown chgrp chattr setfacl setcap mount umount
		docker podman nerdctl ctr kubectl lxc systemd-run systemd-nspawn machinectl crontab at batch tcpdump
		git gem bundle bundler rake rails npm npx yarn pip pipx cargo go make cmake apt apt-get aptitude dpkg snap rpm dnf yum
		chpasswd vipw vigr usermod useradd adduser passwd gpasswd ansible ansible-playbook screen tmux`)

	// tools do very different things by their arguments.
	tools = words(`systemctl service journalctl loginctl networkctl ip nft iptables ip6tables ufw update-rc.d invoke-rc.d
		update-alternatives dpkg-reconfigure sysctl kill killall pkill shutdown redis-cli mysql psql a2enmod nginx apachectl`)

	// pagers show what they find in one, as root, when there is a terminal.
	pagers = words("journalctl loginctl networkctl resolvectl timedatectl localectl busctl coredumpctl")
)

func (all *findings) checkCommand(c sudoers.Command, host Facts) {
	if c.HasWildcards() {
		all.add(sudoers.Wildcard, Error, c.String(), "has a wildcard, which also matches blanks and options").hint("write out what is needed")
		if host.Rs {
			all.add(sudoers.Unportable, Error, c.String(), "has a wildcard, which sudo-rs does not take for one").hint("write out what is needed")
		}
	}
	if c.IsWide() {
		all.add(sudoers.All, Error, c.String(), "is more than one program, with any arguments").hint("name the programs and arguments that are needed")
		return
	}
	name := program(c.Path())
	switch {
	case slices.Contains(shells, name):
		all.add(ShellEscape, Error, c.String(), "equals a root shell: %s starts other programs, writes files or changes accounts", name).
			hint("allow a script of your own instead, owned by root, without arguments")
	case c.TakesAnyArguments() && slices.Contains(tools, name):
		all.add(NoArguments, Error, c.String(), "is granted with any arguments, and %s does very different things by them", name).
			hint(`write those that are needed, or "" to allow none`)
	case c.TakesAnyArguments():
		all.add(NoArguments, Warning, c.String(), "is granted with any arguments").hint(`write those that are needed, or "" to allow none`)
	}
	if slices.Contains(pagers, name) {
		all.checkPager(c, host)
	}
	if s, ok := c.Systemctl(); ok {
		all.checkSystemctl(c, s, host)
	}
}

// program is the name without a version or variant: python3.11 is python, vim.basic is vim.
func program(file string) string {
	name := path.Base(file)
	if slices.Contains(tools, name) {
		return name
	}
	name, _, _ = strings.Cut(name, ".")
	return strings.TrimRight(name, "0123456789")
}

// rights are the verbs of systemctl that give root or the whole host, whatever follows.
var rights = words(`edit link set-environment import-environment set-property switch-root bind mount-image isolate kexec add-wants
	add-requires service-log-level service-log-target revert daemon-reexec rescue emergency default set-default`)

// filed are verbs that take a path of a unit file as well, and then install what somebody wrote.
var filed = words("enable disable reenable preset mask unmask")

var power = words("halt poweroff reboot suspend hibernate hybrid-sleep soft-reboot")

// shown are the verbs whose answer is paged.
var shown = words("status show cat help show-environment dump")

func (all *findings) checkSystemctl(c sudoers.Command, s sudoers.Systemctl, host Facts) {
	hasPath := slices.ContainsFunc(s.Names, func(name string) bool { return strings.ContainsAny(name, "/*?[") })
	if slices.Contains(rights, s.Verb) || hasPath && slices.Contains(filed, s.Verb) {
		all.add(SystemctlVerb, Error, c.String(), "gives root or the whole host: systemctl %s", s.Verb).hint("grant start, stop, restart or reload of one unit")
	}
	for _, o := range s.Options {
		if isRemote(o) || o.Is("-f", "--force") && slices.Contains(power, s.Verb) {
			all.add(SystemctlOption, Error, c.String(), "has %s, which works on another host or root folder, or by force", o.Name).hint("leave the option out")
		}
	}
	if s.Verb == "" && !c.TakesAnyArguments() || slices.Contains(shown, s.Verb) || strings.HasPrefix(s.Verb, "list-") {
		all.checkPager(c, host)
	}
	if s.Verb == "kill" && !slices.ContainsFunc(s.Options, killsMain) {
		all.add(SystemctlKill, Warning, c.String(), "sends the signal to child processes as well, which it may stop for good").hint("add --kill-who=main")
	}
}

func killsMain(o sudoers.Option) bool {
	return o.Is("--kill-who", "--kill-whom") && o.Value == "main"
}

func isRemote(o sudoers.Option) bool {
	return o.Is("-H", "-M", "--host", "--machine", "--root", "--image")
}

// lessSecure is the first systemd whose pager starts no programs for root (CVE-2023-26604).
const lessSecure = 247

func (all *findings) checkPager(c sudoers.Command, host Facts) {
	if slices.Contains(c.Args(), "--no-pager") {
		return
	}
	severity, message := Warning, "opens a pager as root, which must not start programs"
	if host.Systemd < lessSecure {
		severity, message = Error, "opens a root shell: it has a pager, which starts programs on systemd before 247 (CVE-2023-26604)"
	}
	hint := "add --no-pager"
	if verb := NeedsNoSudo(c.String()); verb != "" {
		hint += ", or grant nothing: systemctl " + verb + " needs no sudo"
	}
	all.add(SystemctlPager, severity, c.String(), "%s", message).hint("%s", hint)
}

// reading are the verbs that every user may use.
var reading = words("status show cat is-active is-enabled is-failed list-units list-timers list-unit-files help")

// NeedsNoSudo returns the verb of a systemctl command that every user may run without sudo, or "". command is as sudoers.ParseCommand takes it.
func NeedsNoSudo(command string) string {
	c, err := sudoers.ParseCommand(command, sudoers.Wide{})
	if err != nil {
		return ""
	}
	s, ok := c.Systemctl()
	if !ok || !slices.Contains(reading, s.Verb) || slices.ContainsFunc(s.Options, isRemote) {
		return ""
	}
	return s.Verb
}

// checkSpellings finds units of which the file grants one spelling alone.
func (all *findings) checkSpellings(f sudoers.File) {
	granted := map[string]bool{}
	for _, r := range f.Rules {
		for _, c := range r.Commands() {
			granted[c.String()] = true
		}
	}
	for _, r := range f.Rules {
		for _, c := range r.Commands() {
			for _, twin := range c.Expanded() {
				if !granted[twin.String()] {
					all.add(UnitUnqualified, Info, c.String(), "is one of two spellings: sudo compares letter by letter, and does not allow %q", twin).
						hint("set expand_unit")
				}
			}
		}
	}
}

// loads tells whether a variable can make a program load code or start another.
func loads(variable string) bool {
	return slices.Contains(words("ENV IFS SHELL PATH HOME PAGER MANPAGER EDITOR VISUAL TMPDIR TERMINFO TERMCAP NLSPATH"), variable) ||
		slices.ContainsFunc(words("LD_ PYTHON RUBY GEM_ BUNDLE_ PERL NODE_ PHP BASH_ SYSTEMD_ SUDO_ LESS GIT_ GLIBC_ GCONV_ MALLOC_"),
			func(start string) bool { return strings.HasPrefix(variable, start) })
}

func (all *findings) checkSetting(s sudoers.Setting) {
	if s.KeepsAll() {
		all.add(SetEnv, Error, s.String(), "gives the command every variable of the caller, who can have code of its own loaded as root").
			hint("keep single variables: env_keep+=NAME")
	}
	for _, variable := range s.Kept() {
		if loads(variable) {
			all.add(SetEnv, Error, s.String(), "keeps %s, with which the caller can have code of its own loaded as root", variable).hint("leave it out")
		}
	}
}
