package sudolint

import (
	"path"
	"slices"
	"strings"
)

// words makes a list of them.
func words(text string) []string { return strings.Fields(text) }

// The lists have names as programNames gives them. Their main source is GTFOBins (https://gtfobins.github.io, as of April 2026): programs that
// keep root's privileges under sudo. The lists cannot be complete.
var (
	// escapes permit a shell escape: they start other programs, load libraries, write any file, or change accounts or permissions. They are
	// GTFOBins' categories shell, command, file-write, library-load, inherit, privilege-escalation, reverse-shell and bind-shell, and what is
	// alike: other shells, editors, pagers, clients of databases, package managers, and programs that load Ruby code of an application.
	escapes = words(`7z 7za 7zr R Rscript aa-exec acr addgroup adduser agetty anacron ansible ansible-playbook ansible-test ant aoss apt
		apt-get aptitude ar arch-nspawn aria2c arj as asdf ash asterisk at autoconf autoheader autoreconf awk aws bash
		bash-static bashbug batcat batch bazel bconsole bee borg bpftrace bsdtar buildah bun bundle bundler bunzip2 busybox
		bwrap byebug bzless bzmore c++ c89 c99 cabal cap capistrano capsh cargo catatonit cc cdist certbot chattr check_by_ssh
		check_log check_ssl_cert chef-client chfn chgpasswd chgrp chmod choom chown chpasswd chpst chronic chroot chrt chsh
		clang clang++ clisp cmake cobc code codex composer conda consul corepack cowsay cowthink cp cpan cpio cpulimit cqlsh
		crash crictl crontab crun csh csplit csvtool ctr curl cvtsudoers dash dbus-run-session dbus-send dc dd debconf
		debconf-apt-progress debugfs deluser deno dhclient direnv distcc dkms dmesg dmsetup dnf dnsmasq doas docker
		docker-compose dos2unix dosbox dotnet dpkg dpkg-deb dpkg-divert dpkg-preconfigure dpkg-reconfigure dpkg-statoverride
		dstat dumb-init dvips easy_install easyrsa eb ed editor elinks elixir elvish emacs enscript env erb erl evim ex
		exiftool exim exim4 expect facter fail2ban-client fakeroot fastfetch ffmpeg find firejail fish flock foreman forge ftp
		fzf g++ gawk gcc gcloud gdb gdbserver gem genie getty ghc ghci gimp ginsh git gnuplot go goreman gosh gosu gpasswd
		gradle grc groovy groupadd groupmems groupmod gtester guile gunzip gview gvim hashcat helix helm hg hivemind hping3 hx
		iconv iex ifne iftop incrontab incus inetd influx insmod install ionice irb ispell java jed jjs joe jrunscript jshell
		jtag julia k3s knife kotlin ksh ksu kubectl latex latexmk ld ld.bfd ld.gold ld.so less lessfile lesspipe lftp lksh
		lldb ln login logrotate logsave ltrace lua lualatex luatex lwp-download lxc lxd lynx m4 machinectl mail mailx make
		mamba man mariadb mariadb-dump mawk mc mcedit meson micro minicom minikube mise mix mknod mksh mksh-static modprobe
		mongo mongod mongosh monit more mosh-server most mount msfconsole msgfilter multitime mutt mv mvn mypy mysql mysqldump
		nano nawk nc ncat ncdu ncftp ne needrestart neofetch nerdctl newgrp newusers nice ninja nmap node nodejs nohup nomad
		npm npx nroff nsenter nvim octave opencode openssl openvpn openvt opkg overmind p7zip packer pager pandoc parallel
		passenger passwd pdb pdflatex pdftex pee perf perl perlbug pexec pg pg_dump pg_dumpall php pic pico pidstat pip pipx
		pkexec pkg plymouth pnpm podman poetry posh prlimit procmail proot prove pry psftp psql puma pumactl puppet pwsh
		python racket rackup rails rake ranger rbash rbenv rc rdbg red redis redis-sentinel redis-server rename resque restic
		rgvim rksh rlwrap rpm rpmdb rpmquery rpmverify rspec rsync rsyslogd rtorrent ruby run-mailcap run-one run-parts run0
		runc runcon runscript runuser rustc rustdoc rustup rview rvim rvm rzsh s6-setuidgid salt salt-call sash sbcl sbt scala
		scanmem scp screen script scriptlive scriptreplay scrot sed sendmail sensible-editor sensible-pager setarch setcap
		setfacl setlock setpriv setsid sftp sg sh shred shuf sidekiq sidekiqmon sidekiqswarm skopeo slsh smbclient snap socat
		socket softlimit sort split sponge sqlite3 sqlmap sqlplus ssh ssh-agent ssh-copy-id ssh-keygen sshfs sshpass sshuttle
		start-stop-daemon stdbuf strace su su-exec sudo sudoedit sulogin swipl systemd-cat systemd-firstboot systemd-inhibit
		systemd-mount systemd-notify systemd-nspawn systemd-run systemd-socket-activate systemd-sysusers systemd-tmpfiles tar
		task taskset tasksh tclsh tcpdump tcpsvd tcsh tdbtool tee telnet terraform tex thin thor time timeout tini tmate tmux
		tofu top torify torsocks toybox ts-node tsc tshark tsx uclampset umount unar unicorn unrar unshare unsquashfs unxz
		unzip useradd userdel usermod uv uvx vagrant valgrind varnishncsa vi vidir view vigr vim vimdiff vimtutor vipe vipw
		virsh visudo volatility w3m watch wg-quick wget wireshark wish xargs xdg-user-dir xdotool xelatex xetex xinetd xxd
		xzless xzmore yarn yash yt-dlp yum zathura zic zip zless zmore zsh zstdless zypper`)

	// tools do very different things by their arguments, so exact arguments are safe where these are.
	tools = words(`systemctl service journalctl loginctl networkctl busctl timedatectl hostnamectl localectl resolvectl systemd-resolve
		coredumpctl systemd-analyze ip nft iptables ip6tables iptables-save ip6tables-save ufw update-rc.d invoke-rc.d
		update-alternatives sysctl kill kmod killall pkill shutdown telinit init redis-cli a2enmod a2dismod
		a2ensite a2dissite nginx apache2 apache2ctl apachectl httpd ldconfig getent postfix`)

	// readers show any file that their arguments name (GTFOBins' category file-read).
	readers = words(`ab arp ascii-xfr ascii85 aspell atobm base32 base58 base64 basenc basez bbot bc bridge bzip2 cancel cat check_cups
		check_memory check_raid check_statusfile clamscan cmp column comm cupsfilter cut date dialog diff dig efax egrep eqn
		espeak expand fgrep file finger fmt fold fping gcore genisoimage grep gzip hd head hexdump highlight join jq ksshell
		last lastb links look lp lwp-request mosquitto msgattrib msgcat msgconv msgmerge msguniq mtr nasm nl nm ntpdate od
		paste pax pr ptx pygmentize pyright qpdf readelf redcarpet rev rlogin rustfmt soelim ss ssh-keyscan strings tac tail
		tailscale tbl tftp tic troff ul unexpand uniq urlget uuencode wall wc whiptail whois xmodmap xmore xpad xz yelp
		zcat zgrep zsoelim`)

	// fileReaders are those whose operands are all files.
	fileReaders = words("base32 base64 cat cmp comm diff fold hd head hexdump nl od paste rev strings tac tail uniq wc xz zcat")

	// pagers show their output in one, as root, when there is a terminal.
	pagers = words("journalctl loginctl networkctl resolvectl timedatectl localectl busctl coredumpctl systemd-analyze")

	// harmless are known, and do no more than their name says.
	harmless = words("true false id lsmod modinfo reboot halt poweroff")
)

// programNames are the names by which a file is looked for in the lists: its own, and that without version, variant and architecture, as in
// python3.11, gcc-12, vim.basic and x86_64-linux-gnu-gcc. The suffix of a script stays: install.sh is not install(1). A script of System V's init
// is named for its service.
func programNames(file string) []string {
	dir, name := path.Split(file)
	if dir == "/etc/init.d/" {
		return nil
	}
	if strings.HasPrefix(name, "ld-linux") || strings.HasPrefix(name, "ld-musl") {
		return []string{"ld.so"}
	}
	if slices.Contains(words(".sh .rb .py .pl .php .js"), path.Ext(name)) {
		return []string{name}
	}
	short, _, _ := strings.Cut(name, ".")
	if _, native, ok := strings.Cut(short, "-linux-gnu-"); ok {
		short = native
	}
	short = strings.TrimRight(short, "-0123456789")
	if short == name || short == "" {
		return []string{name}
	}
	return []string{name, short}
}

// listed returns the name by which one of the files stands in the list, or "".
func listed(list []string, files ...string) string {
	for _, file := range files {
		for _, name := range programNames(file) {
			if slices.Contains(list, name) {
				return name
			}
		}
	}
	return ""
}

// isKnown reports whether any list has one of the files.
func isKnown(files []string) bool {
	return slices.ContainsFunc([][]string{escapes, tools, readers, pagers, harmless}, func(list []string) bool {
		return listed(list, files...) != ""
	})
}
