// Package limited holds the output of programs whose size others decide.
package limited

import "bytes"

// Buffer keeps the first Most bytes that are written to it, and drops the others.
type Buffer struct {
	Most int
	data bytes.Buffer
}

// Write never fails: the program goes on.
func (b *Buffer) Write(data []byte) (int, error) {
	b.data.Write(data[:min(len(data), b.Most-b.data.Len())])
	return len(data), nil
}

// Bytes is what was kept.
func (b *Buffer) Bytes() []byte { return b.data.Bytes() }
