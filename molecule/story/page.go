package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// info is what is read of sidekiq_info's answer.
type info struct {
	Processes []process `json:"processes"`
}

type process struct {
	Host        string   `json:"host"`
	PID         int      `json:"pid"`
	Concurrency int      `json:"concurrency"`
	Busy        int      `json:"busy"`
	Queues      []string `json:"queues"`
	Jobs        []struct {
		Class string `json:"class"`
		JID   string `json:"jid"`
	} `json:"jobs"`
}

func (g *guide) lookAtPage(ctx context.Context) error { return g.look(ctx, "") }
func (g *guide) keepPage(ctx context.Context) error   { return g.look(ctx, g.picture) }

// look opens /sidekiq/busy in a browser while a job runs, and compares it with what systemd and sidekiq_info say.
func (g *guide) look(ctx context.Context, picture string) error {
	address, closeTunnel, err := g.serveWeb(ctx)
	if err != nil {
		return err
	}
	defer closeTunnel()
	if err := g.worker.push(ctx, "EntryJob", "page", 1, 20); err != nil {
		return err
	}
	var known info
	if err := await(ctx, 30*time.Second, "a job that runs", func() (bool, error) {
		err := g.worker.ask(ctx, &known, "sidekiq_info", "app_root=/opt/demo/current")
		return err == nil && len(known.Processes) == 1 && len(known.Processes[0].Jobs) == 1, err
	}); err != nil {
		return err
	}
	rows, err := g.browse(ctx, "http://"+address+"/sidekiq/busy", picture)
	if err != nil {
		return err
	}
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return err
	}
	return g.compare(known.Processes[0], pid, rows)
}

// compare fails where the page, systemd and sidekiq_info are not of one mind.
func (g *guide) compare(known process, pid string, rows [][]string) error {
	if strconv.Itoa(known.PID) != pid {
		return fmt.Errorf("systemd has process %s, sidekiq_info %d", pid, known.PID)
	}
	for _, row := range rows {
		g.saw("on the page", "%s", strings.Join(row, " | "))
	}
	name := fmt.Sprintf("%s:%d ", known.Host, known.PID)
	queues := "Queues: " + strings.Join(known.Queues, ", ")
	found := slices.ContainsFunc(rows, func(row []string) bool {
		n := len(row) // one less before Sidekiq 6.1.3, which has no RSS; the buttons come last
		return n >= 5 && strings.HasPrefix(row[0], name) && strings.HasSuffix(row[0], queues) &&
			row[n-3] == strconv.Itoa(known.Concurrency) && row[n-2] == strconv.Itoa(known.Busy)
	})
	if !found {
		return fmt.Errorf("no row of the page has %s, %q, %d threads and %d busy", name, queues, known.Concurrency, known.Busy)
	}
	job := known.Jobs[0]
	if !slices.ContainsFunc(rows, func(row []string) bool { return slices.Contains(row, job.JID) && slices.Contains(row, job.Class) }) {
		return fmt.Errorf("no row of the page has job %s, a %s", job.JID, job.Class)
	}
	g.saw("systemd and sidekiq_info", "say the same: process %s on %s, %d threads, %s", pid, known.Host, known.Concurrency, queues)
	return nil
}

// serveWeb starts the application's web server, for the release of now, and opens a way to it as an administrator does: it listens on its host
// alone.
func (g *guide) serveWeb(ctx context.Context) (address string, closeTunnel func(), err error) {
	if _, err := g.worker.Run(ctx, "sh", "-euc", `
		systemctl stop demo-web 2>/dev/null || [ $? = 5 ]
		systemd-run --quiet --collect --unit=demo-web --uid=deploy --property=TimeoutStopSec=5 \
		  --setenv=HOME=/home/deploy --working-directory=/opt/demo/current \
		  bundle exec puma --config config/puma.rb`); err != nil {
		return "", nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = free.Addr().String()
	if err := free.Close(); err != nil {
		return "", nil, err
	}
	tunnel := exec.CommandContext(ctx, "ssh", "-N", "-i", g.key(), "-L", address+":127.0.0.1:3000",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ExitOnForwardFailure=yes",
		"deploy@"+g.worker.Address)
	if err := tunnel.Start(); err != nil {
		return "", nil, err
	}
	closeTunnel = func() {
		_ = tunnel.Process.Kill() // it may have ended already
		_ = tunnel.Wait()         // "killed", then
	}
	err = await(ctx, time.Minute, "the web server", func() (bool, error) {
		answer, err := http.Get("http://" + address + "/sidekiq/busy")
		if err != nil {
			return false, err
		}
		return answer.StatusCode == http.StatusOK, answer.Body.Close()
	})
	if err != nil {
		closeTunnel()
	}
	return address, closeTunnel, err
}

// browse opens a page in Chromium, takes a picture of it and returns the rows of its tables.
func (g *guide) browse(ctx context.Context, url, picture string) ([][]string, error) {
	if picture == "" {
		picture = filepath.Join(g.scratch, "page.png")
	}
	out, err := hosts.Run(ctx, nil, "chromium", "--headless", "--no-sandbox", "--user-data-dir="+filepath.Join(g.scratch, "browser"),
		"--hide-scrollbars", "--window-size=1100,790", "--screenshot="+picture, "--dump-dom", url)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(picture); err != nil {
		return nil, err
	}
	return tableRows(out)
}

// tableRows are the cells' texts of all tables of a page, their blanks as a browser shows them.
func tableRows(page string) ([][]string, error) {
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "tr":
			rows = append(rows, nil)
		case "td":
			if len(rows) > 0 {
				last := len(rows) - 1
				rows[last] = append(rows[last], textOf(n))
			}
		}
	}
	return slices.DeleteFunc(rows, func(row []string) bool { return row == nil }), nil
}

func textOf(n *html.Node) string {
	var words []string
	for part := range n.Descendants() {
		if part.Type == html.TextNode {
			words = append(words, strings.Fields(part.Data)...)
		}
	}
	return strings.Join(words, " ")
}
