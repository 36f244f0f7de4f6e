package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/apenella/go-ansible/v2/pkg/adhoc"
	"github.com/apenella/go-ansible/v2/pkg/execute"
	"github.com/apenella/go-ansible/v2/pkg/execute/exec"
	"github.com/apenella/go-ansible/v2/pkg/playbook"
)

// An Output is the output of ansible.
type Output struct{ Stdout, Stderr string }

// Playbook runs playbooks with the ansible-playbook in the directory bin, or with that in PATH if bin is empty.
func (l *Lab) Playbook(ctx context.Context, bin string, books []string, options playbook.AnsiblePlaybookOptions, env map[string]string) (Output, error) {
	return l.execute(ctx, playbook.NewAnsiblePlaybookCmd(
		playbook.WithBinary(bin+playbook.DefaultAnsiblePlaybookBinary),
		playbook.WithPlaybooks(books...),
		playbook.WithPlaybookOptions(&options),
	), env)
}

// Module runs one module ad hoc.
func (l *Lab) Module(ctx context.Context, bin, pattern string, options adhoc.AnsibleAdhocOptions, env map[string]string) (Output, error) {
	return l.execute(ctx, adhoc.NewAnsibleAdhocCmd(
		adhoc.WithBinary(bin+adhoc.DefaultAnsibleAdhocBinary),
		adhoc.WithPattern(pattern),
		adhoc.WithAdhocOptions(&options),
	), env)
}

// execute runs ansible without the controller's or user's configuration.
func (l *Lab) execute(ctx context.Context, command execute.Commander, env map[string]string) (Output, error) {
	all := map[string]string{
		"LC_ALL":                    "C.UTF-8",
		"ANSIBLE_CONFIG":            l.Path("ansible.cfg"), // does not exist
		"ANSIBLE_LOCAL_TEMP":        l.Path("local"),
		"ANSIBLE_NOCOLOR":           "1",
		"ANSIBLE_FORKS":             "20",
		"ANSIBLE_ROLES_PATH":        "roles",
		"ANSIBLE_PRIVATE_KEY_FILE":  l.Key(),
		"ANSIBLE_HOST_KEY_CHECKING": "False",
	}
	for name, value := range env {
		all[name] = value
	}
	var stdout, stderr bytes.Buffer
	err := execute.NewDefaultExecute(execute.WithCmd(command), execute.WithEnvVars(all), execute.WithExecutable(executable{}),
		execute.WithWrite(&stdout), execute.WithWriteError(&stderr)).Execute(ctx)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil && stdout.Len() > 0:
		err = errors.New("ansible failed") // the error of go-ansible contains the whole environment
	}
	return Output{stdout.String(), stderr.String()}, err
}

// executable makes go-ansible use Command.
type executable struct{}

func (executable) Command(program string, args ...string) exec.Cmder {
	return Command(context.Background(), program, args...)
}

func (executable) CommandContext(ctx context.Context, program string, args ...string) exec.Cmder {
	return Command(ctx, program, args...)
}

// Failure appends the end of the output to an error.
func (o Output) Failure(err error) error {
	return fmt.Errorf("%w: %s", err, Tail(o.Stdout+o.Stderr, 2000))
}

// SSHOptions do not verify host keys, which are new each time.
const SSHOptions = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"

// ModulePaths are variables with which ansible finds the role's modules without the role.
func ModulePaths() map[string]string {
	return map[string]string{"ANSIBLE_LIBRARY": "roles/sidekiq/library", "ANSIBLE_ACTION_PLUGINS": "roles/sidekiq/action_plugins"}
}

// Docker returns the variables of a host with the docker connection and a user who can use sudo.
func Docker() Vars {
	return Vars{"ansible_connection": "community.docker.docker", "ansible_user": "ubuntu"}
}
