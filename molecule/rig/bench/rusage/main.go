// Program rusage runs a program and prints its CPU time in microseconds and its peak memory in kilobytes, both with
// its children, then its output.
//
//	rusage PROGRAM ARGUMENT...
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "rusage: %v: %s\n", err, out)
		os.Exit(1)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Println(cpu.Microseconds(), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	os.Stdout.Write(out)
}
