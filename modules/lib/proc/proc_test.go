package proc

import (
	"bufio"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

const host = FS("/proc")

func self() Process { return host.Process(os.Getpid()) }

// start starts a process that runs until the test ends.
func start(t *testing.T, cmd *exec.Cmd) Process {
	t.Helper()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	})
	return host.Process(cmd.Process.Pid)
}

// ended is a process that has ended.
var ended = host.Process(1<<22 + 1)

func TestIsAncestorOf(t *testing.T) {
	child := start(t, exec.Command("sleep", "60"))
	require.True(t, self().IsAncestorOf(os.Getpid()), "itself")
	require.True(t, self().IsAncestorOf(child.PID))
	require.False(t, child.IsAncestorOf(os.Getpid()))
	require.False(t, host.Process(42).IsAncestorOf(1<<22+1), "no process")
}

func TestDescendants(t *testing.T) {
	shell := start(t, exec.Command("sh", "-c", "sleep 60 & sleep 60; true"))
	require.Eventually(t, func() bool { return len(shell.Descendants()) == 2 }, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, ended.Descendants())
	for _, child := range shell.Descendants() {
		require.NoError(t, syscall.Kill(child.PID, syscall.SIGKILL))
	}
}

func TestProcess_Self(t *testing.T) {
	t.Chdir(t.TempDir())
	want, err := os.Getwd()
	require.NoError(t, err)
	program, dir, err := self().Program()
	require.NoError(t, err)
	require.Equal(t, want, dir)
	require.Equal(t, filepath.Base(os.Args[0]), filepath.Base(program))
	title, room, err := self().Title()
	require.NoError(t, err)
	require.Equal(t, os.Args[0], title)
	require.Equal(t, len(strings.Join(os.Args[1:], " "))+1, room)
	require.Equal(t, ended, self().Other(ended.PID))
}

func TestProcess_Ended(t *testing.T) {
	_, _, err := ended.Program()
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = ended.Title()
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = ended.Environ()
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = ended.Peers()
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = ended.asOwner("true")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestEnviron(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	cmd.Env = []string{"REDIS_URL=redis://:a=b c@localhost/1", "EMPTY=", "LINES=a\nb", "TWICE=1"}
	child := start(t, cmd)
	require.Eventually(t, func() bool {
		title, _, err := child.Title()
		return err == nil && title == "sleep" // the program was executed
	}, 10*time.Second, 10*time.Millisecond)
	variables, err := child.Environ()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"REDIS_URL": "redis://:a=b c@localhost/1", "EMPTY": "", "LINES": "a\nb", "TWICE": "1"}, variables)
}

// A process may make the kernel show any memory as its environment (prctl(2), PR_SET_MM_MAP).
func TestEnviron_TooLarge(t *testing.T) {
	require.NoError(t, environOf(t, "A="+strings.Repeat("a", 2*maxEnviron)))
}

// Ruby writes a long title over the variables, and fills the rest with NUL.
func TestEnviron_Overwritten(t *testing.T) {
	for name, text := range map[string]string{
		"the end of a title":              "aaaa [0 of 7 busy]\x00\x00\x00\x00\x00",
		"the end of a title with a sign":  "=b [0 of 7 busy]\x00\x00\x00\x00",
		"a title that ends in a variable": "a=b\x00\x00\x00\x00",
		"a title and variables":           "busy] stopping\x00A=1\x00B=2\x00",
		"nothing":                         "",
	} {
		require.Error(t, environOf(t, text), name)
		require.ErrorIs(t, environOf(t, text), ErrOverwritten, name)
	}
	require.NoError(t, environOf(t, "A=1\x00A=2\x00BASH_FUNC_x%%=() { :; }\x00"))
}

// Bundler sets BUNDLE_GEMFILE for the program that it executes, such as a wrapper of Sidekiq.
func TestEnviron_BeforeBundler(t *testing.T) {
	const set, none = "BUNDLE_GEMFILE=/opt/demo/releases/1/Gemfile\x00", "BUNDLER_ENVIRONMENT_PRESERVER_INTENTIONALLY_NIL"
	for name, c := range map[string]struct{ text, want string }{
		"not by Bundler":  {set, "/opt/demo/releases/1/Gemfile"},
		"not set before":  {set + "BUNDLER_ORIG_BUNDLE_GEMFILE=" + none + "\x00", ""},
		"set before":      {"BUNDLER_ORIG_BUNDLE_GEMFILE=gemfiles/a.gemfile\x00" + set, "gemfiles/a.gemfile"},
		"empty before":    {set + "BUNDLER_ORIG_BUNDLE_GEMFILE=\x00", ""},
		"other variables": {"BUNDLER_ORIG_PATH=/bin\x00", ""},
	} {
		variables, err := readEnviron(t, c.text)
		require.NoError(t, err)
		require.Equal(t, c.want, variables["BUNDLE_GEMFILE"], name)
	}
}

// A real Bundler.
func TestEnviron_OfBundler(t *testing.T) {
	bundle, err := exec.LookPath("bundle")
	if err != nil {
		testenv.NotTested(t, "there is no bundle; hint: apt-get install bundler")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "gems.rb"), nil, 0o600))
	cmd := exec.Command(bundle, "exec", "sh", "-c", `echo "$BUNDLE_GEMFILE"; read line`)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	_, err = cmd.StdinPipe() // until the process is killed
	require.NoError(t, err)
	child := start(t, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, dir+"/gems.rb\n", line)
	variables, err := child.Environ()
	require.NoError(t, err)
	require.Empty(t, variables["BUNDLE_GEMFILE"])
}

func environOf(t *testing.T, text string) error {
	t.Helper()
	_, err := readEnviron(t, text)
	return err
}

func readEnviron(t *testing.T, text string) (map[string]string, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "42"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "42", "environ"), []byte(text), 0o600))
	return FS(dir).Process(42).Environ()
}

// A real Ruby.
func TestEnviron_LongTitle(t *testing.T) {
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		testenv.NotTested(t, "there is no ruby")
	}
	for _, c := range []struct {
		tag           string
		isOverwritten bool
	}{{"", false}, {strings.Repeat("a", 60), true}} {
		cmd := exec.Command(ruby, "--disable-gems", "-e", `$0 = "sidekiq 7.3.2 #{ENV["TAG"]} [0 of 7 busy]"; puts; $stdout.flush; sleep`)
		cmd.Env = append(os.Environ(), "TAG="+strings.Repeat(c.tag, 3))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		child := start(t, cmd)
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		title, _, err := child.Title()
		require.NoError(t, err)
		require.Equal(t, "sidekiq 7.3.2 "+strings.Repeat(c.tag, 3)+" [0 of 7 busy]", title)
		_, err = child.Environ()
		if c.isOverwritten {
			require.ErrorIs(t, err, ErrOverwritten)
		} else {
			require.NoError(t, err)
		}
	}
}

func TestPeers(t *testing.T) {
	var peers []netip.AddrPort
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		server, err := net.Listen("tcp", address)
		require.NoError(t, err)
		defer server.Close()
		connection, err := net.Dial("tcp", server.Addr().String())
		require.NoError(t, err)
		defer connection.Close()
		accepted, err := server.Accept()
		require.NoError(t, err)
		defer accepted.Close()
		peers = append(peers, netip.MustParseAddrPort(server.Addr().String()))
	}
	found, err := self().Peers()
	require.NoError(t, err)
	require.Subset(t, found, peers)
	require.NotContains(t, found, netip.MustParseAddrPort("127.0.0.1:0"))
}

func TestPeers_MostConnectionsFirst(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"42/fd", "42/net"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	for i, target := range []string{"socket:[11]", "socket:[12]", "socket:[13]", "socket:[14]", "socket:[15]", "/dev/null"} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "42/fd", strconv.Itoa(i))))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "42/net/tcp"), []byte(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1D09 00000000:0000 0A 00000000:00000000 00:00000000 00000000   100        0 10 1
   1: 0100007F:BA48 0200000A:0CEA 01 00000000:00000000 02:00007460 00000000   100        0 11 1
   2: 0100007F:BA49 0300000A:18EB 01 00000000:00000000 02:00007460 00000000   100        0 12 1
   3: 0100007F:BA50 0300000A:18EB 01 00000000:00000000 02:00007460 00000000   100        0 13 1
   4: 0100007F:1D09 0400000A:BA51 01 00000000:00000000 02:00007460 00000000   100        0 14 1
   5: 0100007F:BA52 0500000A:18EB 06 00000000:00000000 02:00007460 00000000   100        0 15 1
   6: 0100007F:BA53 0600000A:18EB 01 00000000:00000000 02:00007460 00000000   100        0 99 1
   7: nonsense
   8: xyz:1 0600000A:18EB 01 00000000:00000000 02:00007460 00000000   100        0 11 1
`), 0o600))
	peers, err := FS(dir).Process(42).Peers()
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.3:6379"), netip.MustParseAddrPort("10.0.0.2:3306")}, peers)
}

// A host with processes 1, 42 (the client) and 43 (the server, of a unit or of a container).
func TestServiceAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.sock")
	link := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Symlink(filepath.Dir(path), link))
	server, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer server.Close()
	for _, c := range []struct{ name, address, cgroup, want string }{
		{"TCP", "localhost:6390", "0::/system.slice/system-redis.slice/redis-server@app.service\n", "redis-server@app.service"},
		{"IPv6", "[::1]:6391", "0::/system.slice/valkey.service\n", "valkey.service"},
		{"socket", path, "1:name=systemd:/system.slice/redis_6379.service\n0::/\n", "redis_6379.service"},
		{"link to the directory", link + "/redis.sock", "0::/system.slice/redis_6379.service\n", "redis_6379.service"},
		{"nobody listens", "localhost:6379", "0::/system.slice/redis.service\n", ""},
		{"no socket", "/run/none.sock", "0::/system.slice/redis.service\n", ""},
		{"systemd of a user", "localhost:6390", "0::/user.slice/user-1.slice/user@1.service/app.slice/redis.service\n", "user@1.service"},
		{"container", "localhost:6390", "0::/system.slice/docker-1.scope\n", ""},
		{"no port", "localhost", "0::/system.slice/redis.service\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{
				"1/net/tcp": "   0: 0100007F:18F6 00000000:0000 0A 00000000:00000000 00:00000000 00000000   100        0 10 1\n" +
					"   1: 0100007F:BA48 0100007F:18F6 01 00000000:00000000 02:00007460 00000000   100        0 11 1\n",
				"1/net/tcp6": "   0: 00000000000000000000000001000000:18F7 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   100        0 12 1\n",
				"1/net/unix": "Num RefCount Protocol Flags Type St Inode Path\n00: 00000002 00000000 00000000 0001 03 13 " + path + "\n00: 00000002 00000000 00010000 0001 01 14 " + path + "\n",
				"42/status":  "Uid:\t100\t100\t100\t100\n", "42/cgroup": "0::/system.slice/client.service\n", "42/fd/0": "11",
				"43/status": "Uid:\t100\t100\t100\t100\n", "43/cgroup": c.cgroup, "43/fd/0": "10", "43/fd/1": "12",
				"44/status": "Uid:\t0\t0\t0\t0\n", "44/cgroup": c.cgroup, "44/fd/0": "14",
			} {
				file := filepath.Join(dir, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				if strings.Contains(name, "/fd/") {
					require.NoError(t, os.Symlink("socket:["+text+"]", file))
				} else {
					require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
				}
			}
			require.NoError(t, os.Chown(path, 0, 0))
			require.Equal(t, c.want, FS(dir).ServiceAt(c.address))
		})
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:18EB":                         "127.0.0.1:6379",
		"00000000000000000000000001000000:18EB": "[::1]:6379",
		"0000000000000000FFFF00000100007F:0050": "127.0.0.1:80",
	} {
		got, err := parseAddress(text)
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
	for _, text := range []string{"", "0100007F", "0100007F:", "0100007:18EB", "01:18EB", "0100007F0100007F:18EB", "0100007F:18EBF"} {
		_, err := parseAddress(text)
		require.Error(t, err, text)
	}
}

// Root without CAP_SYS_PTRACE reads as the user of the process.
func TestProcess_WithoutPtrace(t *testing.T) {
	testenv.NeedRoot(t, "only root can run a process as another user")
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	peer := netip.MustParseAddrPort(server.Addr().String())
	cmd := exec.Command("bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/$0; echo; sleep 60; true`, strconv.Itoa(int(peer.Port())))
	cmd.Dir, cmd.Env = "/usr", []string{"TOKEN=hush", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	process := start(t, cmd)
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	dropPtrace(t)
	_, err = os.Readlink(process.path("cwd"))
	require.ErrorIs(t, err, fs.ErrPermission)

	program, dir, err := process.Program()
	require.NoError(t, err)
	require.Equal(t, "/usr", dir)
	require.Contains(t, program, "bash")
	variables, err := process.Environ()
	require.NoError(t, err)
	require.Equal(t, "hush", variables["TOKEN"])
	peers, err := process.Peers()
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{peer}, peers)
	_, err = process.asOwner("cat", "/etc/shadow")
	require.ErrorIs(t, err, fs.ErrPermission)
	data, err := process.asOwner("head", "-c", "5000000", "/dev/zero")
	require.NoError(t, err)
	require.Len(t, data, maxEnviron)
}

// dropPtrace drops CAP_SYS_PTRACE in the thread of the test, as in a container. The thread ends with the test.
func dropPtrace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &sets[0]))
	sets[0].Effective &^= 1 << unix.CAP_SYS_PTRACE
	require.NoError(t, unix.Capset(&header, &sets[0]))
}
