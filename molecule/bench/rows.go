package main

import (
	"fmt"
	"time"
)

// The sections of the table. What was measured from afar stands beside what was measured near, where it was.

func (t *table) tasks(times []map[string]samples) {
	t.section("One task, nothing to change, as root")
	for _, s := range single {
		cells := []string{s.label}
		for _, measured := range times {
			took := measured[s.task].median()
			compared := ratio(took, measured["ssh"].median()) + " × ssh, " + ratio(took, measured["raw"].median()) + " × raw"
			if s.task == "ssh" {
				compared = ""
			}
			cells = append(cells, show(took), compared)
		}
		t.row(cells...)
	}
}

func (t *table) roles(results [][]contender) {
	for _, run := range []struct {
		title string
		took  func(contender) time.Duration
	}{
		{"The whole role on a fresh host, above an empty play, with sudo", func(c contender) time.Duration { return c.above(c.first) }},
		{"The whole role, nothing to change, above an empty play, with sudo", func(c contender) time.Duration { return c.above(c.again) }},
	} {
		t.section(run.title)
		for i, c := range results[0] {
			cells := []string{c.label}
			for _, measured := range results {
				cells = append(cells, roleCells(measured, i, run.took)...)
			}
			t.row(cells...)
		}
	}
}

// roleCells compares a contender with ours.
func roleCells(all []contender, i int, took func(contender) time.Duration) []string {
	if all[i].reason != "" {
		return []string{"not run: " + all[i].reason, ""}
	}
	its := took(all[i])
	if i == 0 {
		return []string{show(its), ""}
	}
	return []string{show(its), "ours is " + ratio(took(all[0]), its) + " × this"}
}

func (t *table) fleets(fleets []fleet) {
	t.section("One task over many hosts, 20 at a time")
	for _, task := range []string{"raw", "db_pool"} {
		for _, f := range fleets {
			took := f.times[task].median()
			compared := show(took/time.Duration(f.size)) + " a host"
			if task != "raw" {
				compared += ", " + ratio(took, f.times["raw"].median()) + " × raw"
			}
			t.row(fmt.Sprintf("`%s`, hosts: %d", task, f.size), show(took), compared)
		}
	}
}

func (t *table) costs(costs []*cost) {
	t.section("CPU time and peak memory on the host, one run of a module, nothing to change")
	for i, c := range costs {
		compared := ""
		if i%2 == 0 {
			peer := costs[i+1]
			compared = fmt.Sprintf("%s × CPU, %.2f × memory of %s", ratio(c.cpu.median(), peer.cpu.median()), c.megabytes()/peer.megabytes(), peer.label)
		}
		t.row(c.label, fmt.Sprintf("%s, %.0f MB", show(c.cpu.median()), c.megabytes()), compared)
	}
}
