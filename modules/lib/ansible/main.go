package ansible

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// program is one start of the binary, apart from the process so that tests can hold it.
type program struct {
	version string
	modules Modules
	in      io.Reader
	out     io.Writer
	err     io.Writer
	prefix  string // what the answer begins with
}

// Modules are the modules of a binary by their names. Each is made when it is called: to read the interfaces of all took as long as
// the work of one.
type Modules map[string]func() Module

// Main is the program of a binary that holds modules. It returns the exit status: 0 after an answer, failed or not, 2 when
// it could not tell what to run.
func Main(version string, modules Modules) int {
	return program{version: version, modules: modules, in: os.Stdin, out: os.Stdout, err: os.Stderr}.main(os.Args)
}

func (p program) main(argv []string) int {
	name := strings.TrimPrefix(filepath.Base(argv[0]), "AnsiballZ_")
	args := argv[1:]
	module, ok := p.modules[name]
	switch {
	case len(args) > 0 && args[0] == "run" && !ok:
		return p.runNamed(args[1:])
	case len(args) == 1 && args[0] == "--version":
		fmt.Fprintf(p.out, "%s %s\n", name, p.version)
		return 0
	case len(args) == 1 && args[0] == "--help" && ok:
		fmt.Fprint(p.out, module().help())
		return 0
	case len(args) == 1 && args[0] == "--help":
		fmt.Fprint(p.out, p.usage(name))
		return 0
	case len(args) == 1 && ok:
		return p.run(module, args[0])
	case ok:
		fmt.Fprint(p.err, module().usage())
	default:
		fmt.Fprint(p.err, p.usage(name))
	}
	return 2
}

func (p program) runNamed(args []string) int {
	if len(args) != 2 && (len(args) != 3 || args[1] != "-") {
		fmt.Fprintln(p.err, "error: run wants a module and a file of arguments, or - for standard input")
		return 2
	}
	module, ok := p.modules[args[0]]
	if !ok {
		fmt.Fprintf(p.err, "error: unknown module %q; accepted: %s\n", args[0], joined(p.names()))
		return 2
	}
	if len(args) == 3 {
		return p.runInDir(module, args[2])
	}
	return p.run(module, args[1])
}

// runInDir runs the module as the action plugin starts it. The shell started the binary by a relative name, in the directory that holds it;
// dir is where the shell was before. A user who may not return there gets /. The nonce is the first line of standard input.
func (p program) runInDir(module func() Module, dir string) int {
	err := os.Chdir(dir)
	if err != nil {
		err = os.Chdir("/")
	}
	in := bufio.NewReader(p.in)
	if err == nil {
		p.prefix, err = in.ReadString('\n')
	}
	if err != nil {
		fmt.Fprintln(p.err, "error: no answer could be given:", err)
		return 1
	}
	p.in, p.prefix = in, strings.TrimSuffix(p.prefix, "\n")+" "
	return p.run(module, "-")
}

// run answers once, whatever happens.
func (p program) run(module func() Module, source string) int {
	var line []byte
	err := recovered(func() (err error) {
		line, err = p.answer(module(), source).text()
		return err
	})
	if err != nil {
		line, err = failure(fmt.Errorf("%w; what was changed is not known", err)).text()
	}
	if err == nil {
		_, err = p.out.Write(append([]byte(p.prefix), line...))
	}
	if err != nil {
		fmt.Fprintln(p.err, "error: no answer could be given:", err)
		return 1
	}
	return 0
}

func (p program) answer(m Module, source string) answer {
	text, err := p.read(source)
	if err != nil {
		return failure(fmt.Errorf("reading arguments: %w", err))
	}
	return m.answer(text)
}

func (p program) read(source string) ([]byte, error) {
	if source == "-" {
		return io.ReadAll(p.in)
	}
	return os.ReadFile(source)
}

func (p program) names() []string {
	return slices.Sorted(maps.Keys(p.modules))
}

func (p program) usage(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s holds Ansible modules for hosts without Python: %s.\n\n", program, p.version, joined(p.names()))
	fmt.Fprintf(&b, "Ansible starts it; by hand:\n")
	fmt.Fprintf(&b, "  %s run MODULE ARGS.json   arguments from a file\n", program)
	fmt.Fprintf(&b, "  %s run MODULE -           arguments from standard input\n", program)
	fmt.Fprintf(&b, "  MODULE --help             when linked under the module's name: its options\n")
	return b.String()
}

// usage is what a module says that was started by hand with nothing.
func (m Module) usage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is an Ansible module: %s.\n\n", m.Name(), strings.TrimSuffix(m.spec.ShortDescription, "."))
	fmt.Fprintf(&b, "In a playbook, or at a terminal:\n  ansible HOSTS -M DIRECTORY_OF_THIS_FILE -m %s -a 'OPTION=VALUE ...' --check --diff\n", m.Name())
	fmt.Fprintf(&b, "On the host itself:\n  %s ARGS.json          a JSON object of options, \"_ansible_check_mode\": true to look only\n", m.Name())
	fmt.Fprintf(&b, "  %s --help             its options\n", m.Name())
	return b.String()
}

// help is usage and the options, shortly; ansible-doc has all.
func (m Module) help() string {
	var b strings.Builder
	b.WriteString(m.usage())
	b.WriteString("\nOptions:\n")
	for _, o := range m.spec.Options {
		fmt.Fprintf(&b, "  %-20s %s%s\n", o.Name, optionType(o), optionNote(o))
		fmt.Fprintf(&b, "  %-20s %s\n", "", o.Description[0])
	}
	return b.String()
}

func optionType(o argspec.Option) string {
	if o.Type == argspec.List {
		return fmt.Sprintf("list of %s", o.Elements)
	}
	return string(o.Type)
}

func optionNote(o argspec.Option) string {
	var notes []string
	if o.Required {
		notes = append(notes, "required")
	}
	if o.Default != nil {
		notes = append(notes, fmt.Sprintf("default %v", o.Default))
	}
	if len(o.Choices) > 0 {
		notes = append(notes, fmt.Sprintf("one of %v", o.Choices))
	}
	if len(notes) == 0 {
		return ""
	}
	return ", " + joined(notes)
}
