package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// attribute is an extended attribute of a file (xattr(7)).
type attribute struct {
	name  string
	value []byte
}

// isKept tells whether an attribute belongs to a file whatever its content: the SELinux label, the access list and what people
// note. The rest (capabilities, integrity hashes, what a file system keeps for itself) goes with the content.
func isKept(name string) bool {
	return name == "security.selinux" || name == "system.posix_acl_access" || strings.HasPrefix(name, "user.")
}

// attributesOf are those to be kept. A file system without attributes has none.
func attributesOf(f *os.File) ([]attribute, error) {
	names, err := read(func(buffer []byte) (int, error) { return unix.Flistxattr(int(f.Fd()), buffer) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the attributes of %q: %w", f.Name(), err)
	}
	var kept []attribute
	for name := range strings.SplitSeq(string(names), "\x00") {
		if !isKept(name) {
			continue
		}
		value, err := read(func(buffer []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), name, buffer) })
		if err != nil {
			return nil, fmt.Errorf("reading the attribute %s of %q: %w", name, f.Name(), err)
		}
		kept = append(kept, attribute{name, value})
	}
	return kept, nil
}

// read calls a system call that tells how much it wants to write, until what it wrote fits.
func read(call func(buffer []byte) (int, error)) ([]byte, error) {
	for {
		size, err := call(nil)
		if err != nil || size == 0 {
			return nil, err
		}
		buffer := make([]byte, size)
		n, err := call(buffer)
		if !errors.Is(err, unix.ERANGE) {
			return buffer[:max(n, 0)], err
		}
	}
}

// setAttributes gives a file the attributes of another. One that the directory has given it already is left alone: a label may be
// kept by those who may not set one.
func setAttributes(f *os.File, wanted []attribute) error {
	if len(wanted) == 0 {
		return nil
	}
	has, err := attributesOf(f)
	if err != nil {
		return err
	}
	for _, a := range wanted {
		if hasAttribute(has, a) {
			continue
		}
		if err := unix.Fsetxattr(int(f.Fd()), a.name, a.value, 0); err != nil {
			return HintUser(fmt.Errorf("the attribute %s cannot be kept: %w", a.name, err))
		}
	}
	return nil
}

func hasAttribute(all []attribute, wanted attribute) bool {
	for _, a := range all {
		if a.name == wanted.name && bytes.Equal(a.value, wanted.value) {
			return true
		}
	}
	return false
}
