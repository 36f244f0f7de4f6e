//go:build !linux

package atomicfile

// checkRename checks nothing: rename(2) reports the error. The modules run only on Linux.
func (location) checkRename() error { return nil }
