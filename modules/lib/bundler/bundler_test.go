package bundler

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsRuby(t *testing.T) {
	script := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, os.WriteFile(script, []byte("#!/usr/bin/env ruby\n"), 0o755))
	require.True(t, isRuby(script))
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nruby\n"), 0o755))
	require.False(t, isRuby(script))
	require.False(t, isRuby(script+".none"))
}

// To open a FIFO is to wait for somebody who writes to it.
func TestIsRuby_FIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, syscall.Mkfifo(fifo, 0o755))
	require.False(t, isRuby(fifo))
}
