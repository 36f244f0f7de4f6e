package main

import (
	"context"
	"path"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A workstation is where the application is made and deployed from. It hands its repository out by git's own protocol.
type workstation struct {
	hosts.Host
	target string // address of the host that is deployed to
}

const (
	repositories = "/srv/git"
	workTree     = "/srv/demo"
)

func startWorkstation(ctx context.Context, suite, key string) (workstation, error) {
	w := workstation{}
	image, err := hosts.Image(ctx, suite, "capistrano")
	if err != nil {
		return w, err
	}
	if w.Host, err = hosts.Start(ctx, "story-workstation", image, "sh", "-euc",
		`mkdir -p "$0" /root/.ssh; exec git daemon --export-all --base-path="$0" "$0"`, repositories); err != nil {
		return w, err
	}
	if err := w.Copy(ctx, key, "/root/.ssh/id_ed25519"); err != nil {
		return w, err
	}
	_, err = w.RunWith(ctx, strings.NewReader(equip), "sh", "-s", path.Join(repositories, "demo.git"), workTree)
	return w, err
}

// equip makes the repository and its work tree. Each host that is deployed to is new, and so is its key.
const equip = `set -eu
chown -R root:root /root/.ssh
chmod -R go= /root/.ssh
printf 'Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n' >/root/.ssh/config
git config --global user.name demo
git config --global user.email demo@example.org
git init --quiet --bare --initial-branch=main "$1"
git init --quiet --initial-branch=main "$2"
git -C "$2" remote add origin "$1"
`

func (w workstation) repository() string { return "git://" + w.Address + "/demo.git" }

// inTree runs a program in the work tree, with what deploy.rb asks for.
func (w workstation) inTree(ctx context.Context, program string, args ...string) (string, error) {
	return w.Run(ctx, "env", append([]string{
		"-C", workTree, "LANG=C.UTF-8", "DEMO_HOST=" + w.target, "DEMO_REPOSITORY=" + w.repository(), program,
	}, args...)...)
}

func (w workstation) cap(ctx context.Context, args ...string) (string, error) {
	return w.inTree(ctx, "cap", append([]string{"production"}, args...)...)
}

// ssh runs a command line on the host that is deployed to, as Capistrano's user.
func (w workstation) ssh(ctx context.Context, command string) (string, error) {
	return w.Run(ctx, "ssh", "deploy@"+w.target, command)
}

// commit commits what a change has made of the work tree, pushes it and returns its name.
func (w workstation) commit(ctx context.Context, message, change string) (string, error) {
	return w.inTree(ctx, "sh", "-euc", change+"\n"+`git add --all; git commit --quiet --message "$0"; git push --quiet origin main; git rev-parse --short HEAD`, message)
}
