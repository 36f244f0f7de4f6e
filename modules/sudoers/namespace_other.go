//go:build !linux

package sudoers

import "errors"

// No stage but on Linux. The generator, which reads commands with this package, runs elsewhere, too.

func ownNamespace() error { return errors.ErrUnsupported }

func mountEmpty(string) error { return errors.ErrUnsupported }

func mountOver(_, _ string) error { return errors.ErrUnsupported }
