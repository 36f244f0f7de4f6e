VERSION := 0.1.0
GO        := go
FLAGS     := -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'
# Without inlining the payload is 12 % smaller and almost as fast, except in the runtime.
SMALL     := -gcflags='all=-l' $(foreach p,runtime internal/... sync/...,-gcflags='$(p)=')
LINUX     := bin/ansible-sidekiq_linux_amd64 bin/ansible-sidekiq_linux_arm64
PLATFORMS := linux_amd64 linux_arm64 darwin_amd64 darwin_arm64
SOURCES   := Makefile go.mod go.sum project.go LICENSE CHANGELOG.md $(shell find modules generator -name '*.go' -o -name '*.yml' -o -name '*.yaml' -o -path 'generator/watch/callback/*.py' -o -path 'generator/templates/*' -type f)
SETUP     := molecule/scripts/setup
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SIDEKIQ_CORPUS ?= $(if $(wildcard ../shared/corpus),$(CURDIR)/../shared/corpus)

.PHONY: help build generate demo test lint test-matrix story bench soak dist clean bin/rig

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

build: bin/sidekiq-role $(patsubst modules/%,bin/modules/%,$(wildcard modules/*_*)) ## build sidekiq-role and the modules into bin/

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

bin/rig:
	$(GO) build -o $@ ./molecule/rig

generate: bin/sidekiq-role ## generate roles/sidekiq, the model's schema and the reference
	bin/sidekiq-role generate --output roles/sidekiq
	bin/sidekiq-role schema --output generator/sidekiq-role.schema.json
	bin/sidekiq-role docs --output generator/README.md

demo: ## run the role on a throwaway host with a real Sidekiq
	@molecule/scripts/demo announce
	$(MAKE) build
	@molecule/scripts/demo

test: build bin/rig ## run the tests of CI; installs missing packages
	$(SETUP) lint
	$(SETUP) run molecule/scripts/test

lint: build ## check Go, shell, YAML, workflow and Ansible code
	$(SETUP) lint
	molecule/scripts/lint

test-matrix: dist bin/rig ## test all ansible-core versions, connections and Debian suites, and release packages; README=1: see bench
	$(SETUP) run molecule/scripts/matrix

story: build bin/rig ## test deployments, faults and several hosts; README=1 writes the results into README.md
	$(SETUP) run bin/rig scenarios capistrano faults workers apply

bench: build bin/rig ## measure tasks and the role, and alternatives; README=1 writes the table into README.md
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(SETUP) run bin/rig bench $(if $(README),--readme README.md) $(BENCH)

soak: build bin/rig ## run tests for hours: random input, fuzzing, lost jobs, kill -9 before each system call, mutations
	$(SETUP) run molecule/scripts/soak

dist: build $(addprefix dist/sidekiq-role_,$(PLATFORMS)) ## build the files of a release in dist/
	$(SETUP) venv
	molecule/scripts/dist $(VERSION)

dist/sidekiq-role_%: bin/sidekiq-role
	CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) $(GO) build $(FLAGS) -o $@ ./generator

clean: ## remove built files; keeps containers and images
	rm -rf bin dist .venv roles/sidekiq/files generator/payload/*.gz generator/payload/*.txt generator/payload/payload.json
