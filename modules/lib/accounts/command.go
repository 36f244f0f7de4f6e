package accounts

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// Command is a command that runs as the user, in /, with all groups of the user, a minimal environment and no terminal. When ctx is done, the
// program is killed with all that it has started: it is the leader of a session. The error is about the user's groups.
func (u User) Command(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	groups, err := u.Groups()
	if err != nil {
		return nil, err
	}
	cmd := Command(ctx, &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: groups}, program, args...)
	cmd.Env = append(cmd.Env, "HOME="+u.Home, "USER="+u.Name, "LOGNAME="+u.Name)
	return cmd, nil
}

// Command is User.Command for a user of whom only the numbers are known.
func Command(ctx context.Context, credential *syscall.Credential, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // a child may hold the output open
	return cmd
}
