package environ

import (
	"maps"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// Options are the options for variables, which are the same in all modules.
type Options struct {
	Environment       map[string]string `option:"environment"`
	SecretEnvironment map[string]string `option:"secret_environment"`
	EnvironmentFiles  []string          `option:"environment_files"`
	DotenvFiles       []string          `option:"dotenv_files"`
}

// Variables are those of environment and secret_environment, in a map that is the caller's.
func (o Options) Variables() map[string]string {
	all := map[string]string{}
	maps.Copy(all, o.Environment)
	maps.Copy(all, o.SecretEnvironment)
	return all
}

// Sources is where a process with these options has its variables from.
func (o Options) Sources(files *atomicfile.Reader) Sources {
	return Sources{Variables: o.Variables(), EnvironmentFiles: o.EnvironmentFiles, DotenvFiles: o.DotenvFiles, Files: files}
}

// Paths are the files by option, for argspec.CheckPaths: without the - of those that may be missing. The map is the caller's.
func (o Options) Paths() map[string][]string {
	paths := map[string][]string{"dotenv_files": o.DotenvFiles}
	for _, file := range o.EnvironmentFiles {
		paths["environment_files"] = append(paths["environment_files"], strings.TrimPrefix(file, "-"))
	}
	return paths
}
