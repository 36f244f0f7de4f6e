# The targets that people use: demo, test, test-matrix, story, soak, build, generate, dist, lint, bench, clean. `make help` tells what each does.
VERSION := 0.1.0
GO      := go
FLAGS   := -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'
# Functions are not inlined, neither our own nor those of packages that run once at most: 7 % of the payload, and no difference in time.
SMALL   := $(foreach p,crypto net vendor math github.com/curationexperts,-gcflags='$(p)/...=-l')
MODULES := $(notdir $(wildcard modules/*_*))
PLATFORMS := linux_amd64 linux_arm64 darwin_amd64 darwin_arm64
LINUX   := bin/ansible-sidekiq_linux_amd64 bin/ansible-sidekiq_linux_arm64
SOURCES := Makefile go.mod go.sum project.go LICENSE CHANGELOG.md $(shell find modules generator -name '*.go' -o -name '*.yml' -o -name '*.yaml' -o -path 'generator/watch/callback/*.py' -o -path 'generator/templates/*' -type f)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help check-go build generate test unit molecule test-matrix matrix scenarios rubies sudos systemds story tell apply-hosts soak lint demo bench dist reproduce version cores packages sanity ubuntu1804 vulnerabilities clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check-go:
	@v=$$($(GO) env GOVERSION 2>/dev/null | sed 's/^go//'); printf '1.26\n%s\n' "$${v:-0}" | sort -V -C || \
	  { echo "Go 1.26 or later is needed, found $${v:-none}; hint: https://go.dev/dl"; exit 1; }

build: check-go bin/sidekiq-role $(addprefix bin/modules/,$(MODULES)) ## sidekiq-role and the modules, into bin/

bin/ansible-sidekiq_linux_%: $(SOURCES)
	CGO_ENABLED=0 GOOS=linux GOARCH=$* $(GO) build $(FLAGS) $(SMALL) -o $@ ./modules/program

generator/payload/payload.json roles/sidekiq/files/payload.json &: $(LINUX)
	$(GO) run ./generator/licenses $(LINUX) >generator/payload/LICENSES.txt
	$(GO) run ./generator/pack -into generator/payload -into roles/sidekiq/files $(LINUX)
	cp generator/payload/LICENSES.txt roles/sidekiq/files/

bin/sidekiq-role: generator/payload/payload.json roles/sidekiq/files/payload.json $(SOURCES)
	CGO_ENABLED=0 $(GO) build $(FLAGS) -o $@ ./generator

bin/modules/%: | $(LINUX)
	mkdir -p bin/modules && ln -sf ../ansible-sidekiq_linux_$$($(GO) env GOARCH) $@

generate: bin/sidekiq-role ## roles/sidekiq, the schema of models and the reference, from templates and fields
	bin/sidekiq-role generate --output roles/sidekiq
	bin/sidekiq-role schema --output generator/sidekiq-role.schema.json
	bin/sidekiq-role docs --output generator/README.md

test: check-go ## the tests that CI runs; installs what is missing
	molecule/setup run $(MAKE) build lint unit molecule

unit:
	$(GO) test ./...

molecule:
	molecule --base-config molecule/base.yml test --scenario-name default
	MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name default
	molecule --base-config molecule/base.yml test --scenario-name refusal
	molecule --base-config molecule/base.yml test --scenario-name database
	molecule --base-config molecule/base.yml test --scenario-name sudo
	molecule --base-config molecule/base.yml test --scenario-name processes
	$(GO) run ./molecule/crash
	$(GO) run ./molecule/story -parts guide -short
	$(MAKE) apply-hosts

test-matrix: check-go ## what `test` leaves out: ansible-core 2.14 to the newest by all ways in, other suites of Debian, what a release hands out
	molecule/setup run $(MAKE) build matrix scenarios rubies sudos systemds dist packages sanity reproduce

# Fills the table in README.md. MATRIX='-cores 2.14.18 -suites trixie' tries less and leaves it as it is.
matrix:
	$(GO) run ./molecule/matrix $(MATRIX)

scenarios:
	MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name default
	MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name database
	MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name database
	MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name sudo
	MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name sudo
	FAILURES=all molecule --base-config molecule/base.yml test --scenario-name processes
	FAILURES=all MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name processes
	FAILURES=all MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name processes
	molecule --base-config molecule/base.yml test --scenario-name takeover
	MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name takeover
	MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name takeover
	molecule --base-config molecule/base.yml test --scenario-name media
	MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name media
	molecule --base-config molecule/base.yml test --scenario-name postgres
	MOLECULE_SUITE=bookworm molecule --base-config molecule/base.yml test --scenario-name postgres
	MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name postgres
	molecule --base-config molecule/base.yml test --scenario-name two_apps
	MOLECULE_SUITE=bullseye molecule --base-config molecule/base.yml test --scenario-name two_apps

rubies:
	set -e; for suite in bullseye bookworm trixie; do \
	  image=$$(molecule/images/build $$suite rails); \
	  ORACLE_RUBY="docker run --interactive --rm --network none $$image ruby" REQUIRE_ORACLES=1 \
	    $(GO) test -count=1 ./modules/lib/rubyyaml ./modules/lib/sidekiq ./modules/lib/databaseyml; \
	done

# The scripts of the module need mount namespaces.
sudos:
	CGO_ENABLED=0 $(GO) test -c -o bin/sudo.test ./modules/lib/sudo
	CGO_ENABLED=0 $(GO) test -c -o bin/sudoers.test ./modules/lib/sudoers
	CGO_ENABLED=0 $(GO) test -c -o bin/sudoers_entry.test ./modules/sudoers_entry
	set -e; for suite in bullseye bookworm trixie; do \
	  image=$$(molecule/images/build $$suite sudo); \
	  inside="docker run --rm --network none --hostname localhost --env REQUIRE_ORACLES=1 --volume $(CURDIR):/src:ro"; \
	  $$inside --workdir /tmp $$image /src/bin/sudo.test; \
	  $$inside --workdir /tmp $$image /src/bin/sudoers.test -test.run 'ReadBack|Unread'; \
	  $$inside --workdir /src/modules/sudoers_entry --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
	    $$image /src/bin/sudoers_entry.test; \
	done

# The units as the systemd of every suite judges them, and where it looks for some; to score a file is new in 250.
systemds:
	CGO_ENABLED=0 $(GO) test -c -o bin/systemd.test ./modules/lib/systemd
	CGO_ENABLED=0 $(GO) test -c -o bin/systemd_sidekiq.test ./modules/systemd_sidekiq
	set -e; for suite in bullseye bookworm trixie; do \
	  image=$$(molecule/images/build $$suite); \
	  inside="docker run --rm --network none --env REQUIRE_ORACLES=1 --volume $(CURDIR):/src:ro"; \
	  $$inside $$image /src/bin/systemd.test -test.v -test.run 'TestSystemdLooksForUnitFilesNowhereElse'; \
	  $$inside --workdir /src/modules/systemd_sidekiq $$image \
	    /src/bin/systemd_sidekiq.test -test.v -test.run 'TestSystemdAcceptsEveryUnit|TestHardenedUnitsScoreAsPromised'; \
	done

# README=1 writes the table of faults and the pictures of /sidekiq/busy and apply; STORY has options, such as '-parts guide -suite bookworm' (-help lists them).
story: check-go ## the guide's whole story on real hosts, from the repository to /sidekiq/busy and the faults of everyday life; a quarter of an hour
	molecule/setup browser
	molecule/setup run $(MAKE) build tell apply-hosts

tell:
	$(GO) build -o bin/story ./molecule/story
	bin/story $(if $(README),-readme README.md -picture .github/images/busy.png) $(STORY)

# sidekiq-role apply and verify on three hosts, of which one fails; a minute.
apply-hosts:
	$(GO) run ./molecule/apply $(if $(README),-picture .github/images/apply.svg -readme README.md)

soak: check-go ## the random tests for half an hour, fuzzing a million times each, attacks on the cache and on links and locks, jobs counted while the worker is restarted, and kill -9 before every call of the modules
	molecule/setup
	SOAK=150 $(GO) test -count=1 -timeout 60m ./modules/lib/rubyyaml ./modules/lib/databaseyml
	SOAK=150 REQUIRE_ORACLES=1 $(GO) test -count=1 -timeout 60m -run TestRun ./modules/db_pool
	SOAK=40 REQUIRE_ORACLES=1 $(GO) test -count=1 -timeout 60m -run TestActionPlugin_DirectoryIsExchangedWhileItIsUsed ./generator
	$(GO) test -run '^$$' -fuzz FuzzParse -fuzztime 1000000x -fuzzminimizetime 10x ./modules/lib/rubyyaml
	$(GO) test -run '^$$' -fuzz FuzzApply -fuzztime 1000000x -fuzzminimizetime 10x ./modules/lib/databaseyml
	$(GO) test -run '^$$' -fuzz FuzzReadConfig -fuzztime 1000000x -fuzzminimizetime 10x ./modules/lib/sidekiq
	$(GO) test -run '^$$' -fuzz FuzzReply -fuzztime 1000000x -fuzzminimizetime 10x ./modules/lib/sidekiq
	$(GO) test -run '^$$' -fuzz FuzzWords -fuzztime 1000000x -fuzzminimizetime 10x ./modules/lib/sudoers
	$(GO) test -run '^$$' -fuzz FuzzModel -fuzztime 200000x -fuzzminimizetime 10x ./generator
	$(GO) test -run '^$$' -fuzz FuzzInspect -fuzztime 100000x -fuzzminimizetime 10x ./generator/inspect
	$(MAKE) build
	molecule/soak
	$(GO) run ./molecule/crash -points all

lint: ## gofmt, vet, staticcheck, yamllint, actionlint, ansible-lint
	molecule/setup venv
	@test -z "$$(gofmt -s -l modules generator molecule *.go)" || { gofmt -s -d modules generator molecule *.go; exit 1; }
	$(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./generator
	$(GO) run $(STATICCHECK) ./...
	yamllint --strict .
	$(GO) run $(ACTIONLINT) -shellcheck= -pyflakes=
	ANSIBLE_LIBRARY=$(CURDIR)/roles/sidekiq/library ansible-lint --offline

dist: build $(addprefix dist/sidekiq-role_,$(PLATFORMS)) ## what a release hands out, into dist/
	molecule/setup venv
	generator/dist $(VERSION)

dist/sidekiq-role_%: bin/sidekiq-role
	CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) $(GO) build $(FLAGS) -o $@ ./generator

reproduce: build
	generator/reproduce

version:
	@echo $(VERSION)

# With the oldest ansible-core and the newest. Exit status 3: this machine has no Python for it, and it is left out.
CORES := 2.14.18 2.21.5
made_cores = $$(for core in $(CORES); do [ ! -e .venv/cores/$$core/made ] || echo .venv/cores/$$core/bin; done)
cores:
	molecule/setup core 2.14.18 3.11 3.10 3.9 || [ $$? = 3 ]
	molecule/setup core 2.21.5 3.12 3.13 3.14 || [ $$? = 3 ]

packages: cores
	molecule/packages .venv/bin $(made_cores)

sanity: cores
	molecule/sanity $(made_cores)

# Where images can be pulled.
ubuntu1804:
	molecule --base-config molecule/base.yml test --scenario-name ubuntu1804

vulnerabilities:
	$(GO) run $(GOVULNCHECK) ./...

demo: check-go ## a throwaway host with a real Sidekiq, brought up by the role
	@molecule/demo announce
	$(MAKE) build
	@molecule/demo

# README=1 writes the table into README.md; BENCH has options, such as '-run tasks -rounds 5' (-help lists them).
bench: check-go ## what tasks and the role cost beside others, in one table, and the Go benchmarks; a quarter of an hour
	$(GO) test -run '^$$' -bench . -benchmem ./...
	molecule/setup
	$(MAKE) build
	$(GO) build -o bin/bench ./molecule/bench
	bin/bench $(if $(README),-readme README.md) $(BENCH)

clean: ## what was built; containers and images stay
	rm -rf bin dist .venv roles/sidekiq/files generator/payload/*.gz generator/payload/*.txt generator/payload/payload.json
