// Program matrix runs the role and each module with every ansible-core that the project supports, on hosts without Python, by every way
// in, and writes what it saw into the README's table. Run it in the project's folder after `make build`:
//
//	go run ./molecule/matrix [-cores 2.14.18,2.19.14] [-suites trixie]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	cores := flag.String("cores", "", "only these versions of ansible-core, parted by commas; the README stays as it is")
	only := flag.String("suites", "trixie,bookworm,bullseye", "suites of Debian that hosts run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	_ = cores
	if err := run(ctx, strings.Split(*cores, ","), strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "matrix: "+format+"\n", args...) }

func run(ctx context.Context, cores, suites []string) error {
	scratch, publicKey, err := newScratch(ctx)
	if err != nil {
		return err
	}
	for _, suite := range suites {
		h, err := startTarget(ctx, suite, publicKey)
		if os.Getenv("KEEP") == "" {
			defer h.stop()
		}
		if err != nil {
			return err
		}
		say("%s up", suite)
		inv := filepath.Join(scratch, suite+".json")
		all := map[string]vars{}
		for _, w := range ways {
			all[w.name] = w.inventory(h)
		}
		if err := writeInventory(inv, all); err != nil {
			return err
		}
		for _, core := range cores {
			began := time.Now()
			v := visit{controller{core, scratch, inv}, h, map[string][]string{}}
			if err := h.reset(ctx); err != nil {
				return err
			}
			v.role(ctx, func() { v.modules(ctx) })
			say("%s %s %s %v", core, suite, time.Since(began), strings.Join(func() (all []string) {
				for r, p := range v.problems {
					for _, x := range p {
						all = append(all, "\n  "+r+": "+x)
					}
				}
				return
			}(), ""))
		}
	}
	return nil
}
