// Command rusage runs a program so many times and prints one line for each: microseconds of CPU time and kilobytes of memory at the
// peak, those of the programs that it called included. It runs on the host, where nothing else can be counted on.
//
//	rusage TIMES PROGRAM ARGUMENT...
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

func main() {
	if err := measure(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "rusage:", err)
		os.Exit(1)
	}
}

func measure(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("wanted are TIMES PROGRAM ARGUMENT")
	}
	times, err := strconv.Atoi(arguments[0])
	if err != nil {
		return err
	}
	for range times {
		cmd := exec.Command(arguments[1], arguments[2:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		fmt.Println(cpu.Microseconds(), usage.Maxrss)
	}
	return nil
}
