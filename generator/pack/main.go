// The program pack gzips the modules' binaries for the generator and the role. It is a step of `make build` and writes
// payload.json beside them, by which the action plugin knows which binary a host needs and under which hash it is cached.
//
//	pack -into DIR... BINARY...     where a BINARY is named PROGRAM_OS_ARCH
//
// The bytes depend on the binaries alone.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// entry is what payload.json says of one platform. The hash and the size are those of the unpacked binary.
type entry struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
}

// limit is what a packed binary may weigh: it goes to each host over whatever link there is.
const limit = 3_000_000

func main() {
	var dirs []string
	flag.Func("into", "directory for the packed binaries; may be repeated", func(dir string) error {
		dirs = append(dirs, dir)
		return nil
	})
	flag.Parse()
	if err := run(dirs, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(dirs, binaries []string) error {
	if len(dirs) == 0 || len(binaries) == 0 {
		return errors.New("wants -into DIR and a binary")
	}
	files, platforms := map[string][]byte{}, map[string]entry{}
	for _, b := range binaries {
		if err := pack(b, files, platforms); err != nil {
			return err
		}
	}
	manifest, err := json.MarshalIndent(platforms, "", "  ")
	files["payload.json"] = append(manifest, '\n')
	for _, dir := range dirs {
		err = errors.Join(err, os.MkdirAll(dir, 0o755))
		for name, data := range files {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		}
	}
	return err
}

func pack(binary string, files map[string][]byte, platforms map[string]entry) error {
	name := filepath.Base(binary)
	_, platform, found := strings.Cut(name, "_")
	if !found {
		return fmt.Errorf("%q is not named PROGRAM_OS_ARCH", name)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	packed, err := gzipped(data)
	if err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	if len(packed) > limit {
		return fmt.Errorf("%s: %d bytes packed, more than %d are not accepted; hint: go tool nm -size -sort size %s", name, len(packed), limit, binary)
	}
	hash := sha256.Sum256(data)
	files[name+".gz"] = packed
	platforms[platform] = entry{File: name + ".gz", SHA256: hex.EncodeToString(hash[:]), Size: len(data)}
	return nil
}

// gzipped is the output of gzip(1), which packs 2 % better than package compress/gzip. It has no name and no time in its header, so that the same binary
// gives the same bytes.
func gzipped(data []byte) ([]byte, error) {
	cmd := exec.Command("gzip", "--no-name", "--best", "--stdout")
	cmd.Stdin = bytes.NewReader(data)
	return cmd.Output()
}
