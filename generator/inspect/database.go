package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// databaseYML notes how large the pools are. The role tunes the file of the host, not this one; both are often the same.
func (a *Application) databaseYML() {
	s := a.open("config/database.yml", byOther)
	if s == nil {
		return
	}
	rails := cmp.Or(a.gems["activerecord"], a.gems["rails"]).version
	rules := databaseyml.Rules{Source: s.text, Environment: a.railsEnv, Environ: environ.None, Rails: rails}
	read, err := databaseyml.Apply(s.text, rules, environ.None, databaseyml.Request{Environment: a.railsEnv, Size: 1})
	if err != nil {
		line, text := refusal(err)
		if r := new(databaseyml.Refusal); errors.As(err, &r) && r.Uncertain {
			text = "the pool requires Ruby (" + text + "): on the host, the role runs the application's"
		}
		s.refuse(line, "database.pool", text)
		return
	}
	for _, d := range read.Edits {
		s.poolMeans(d, len(read.Edits) > 1)
	}
}

// poolMeans says of one pool what the role will do about it.
func (s *source) poolMeans(d databaseyml.Edit, isOfSeveral bool) {
	text, variables := fmt.Sprintf("pool %d", d.Before), d.Found.Variables
	if d.Before == databaseyml.Unlimited {
		text = "pool without a limit"
	}
	if isOfSeveral {
		text = d.Name + ": " + text
	}
	does := "raises it"
	if len(variables) > 0 {
		does, text = "sets the variable", text+" unless "+strings.Join(variables, " or ")+" is set"
	} else if d.Found.Source == databaseyml.Unassigned {
		text += " by default"
	}
	switch threads := s.wanted(); {
	case threads == 0:
	case d.Before >= threads:
		text += ", enough for " + plural(threads, "thread")
	default:
		text += ", too small for " + plural(threads, "thread") + ": the role " + does
	}
	s.tell(d.Found.Line, "database.pool", text)
	s.say(text)
}

// diskRoot is the absolute path of an Active Storage service on disk; no other has a root.
var diskRoot = regexp.MustCompile(`(?m)^\s+["']?root["']?:\s*["']?(/[^"'\s<#]+)`)

// storageYML asks whether jobs write where Active Storage keeps files outside of the deployment.
func (a *Application) storageYML() {
	s := a.open("config/storage.yml", byOther)
	if s == nil {
		return
	}
	paths := model.Default().Hardening.ReadWritePaths
	deployed := fmt.Sprint(a.likely("deploy_root"))
	for _, m := range diskRoot.FindAllSubmatchIndex(s.text, -1) {
		if root := path.Clean(string(s.text[m[2]:m[3]])); !strings.HasPrefix(root, "/tmp/") && !strings.HasPrefix(root, deployed+"/shared/") {
			paths = append(paths, "-"+root)
			s.say("files in " + root)
		}
	}
	if s.silent() {
		return
	}
	s.offer(0, "hardening.read_write_paths", paths, "Active Storage has "+list(s.said)+". Do jobs write there? The profile strict forbids it by default.")
}
