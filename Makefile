# `make run` and `make test` do all set-up themselves: see CONTRIBUTING.md.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MUSTER_DATA ?= data/demo
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Phony, for go's own cache knows better than make what is stale.
.PHONY: help package run build test check bench crash fuzz shots api clean fmt need web-install web bin/muster

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

run: ## build, and start Muster with a demo office in MUSTER_DATA (default data/demo)
	@scripts/need run
	@$(MAKE) --no-print-directory build
	bin/muster serve --demo --data "$(MUSTER_DATA)"

build: ## build bin/muster, the web app inside it
	@scripts/need build
	@$(MAKE) --no-print-directory web bin/muster

test: ## everything: lint, types, Go on SQLite and PostgreSQL, race, web, browser stories
	scripts/test

check: ## the quick part: lint, security checks, types, Go on SQLite, web unit tests
	scripts/test need web_install lint security web_types web_unit go

bench: build ## measure everything into docs/performance.md (about 20 minutes)
	@scripts/need bench
	MUSTER_BIN=bin/muster go run ./bench -write docs/performance.md

crash: ## kills, full disks, power cuts and outages under load; figures into docs/reliability.md
	@scripts/need test
	go run ./e2e/crash -report docs/reliability.md

fuzz: ## every fuzz target for FUZZCOUNT inputs (default 1000000)
	scripts/fuzz

shots: build ## every picture of README and guide, made anew from the demo into docs/img
	@scripts/need test
	scripts/shots

api: build ## write what is made from the server: the web app's API types, the guide's reference pages
	scripts/api
	scripts/reference

fmt: ## format the Go code
	gofmt -w cmd internal e2e bench docs

package: build ## an archive, a Debian package and a container image into dist/
	scripts/package

clean: ## remove what was built; data stays
	rm -rf bin dist e2e/out web/node_modules web/dist
	find internal/webui/dist -mindepth 1 ! -name .keep -delete

bin/muster:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X muster/internal/app.Version=$(VERSION)' -o $@ ./cmd/muster

# -- the web app; built again only when a source changed

web-install: web/node_modules/.installed
web/node_modules/.installed: web/package.json web/package-lock.json
	npm --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

web: internal/webui/dist/index.html
internal/webui/dist/index.html: web/node_modules/.installed $(shell find web docs/guide docs/img -name node_modules -prune -o -type f -print)
	npm --prefix web run --silent build
	@touch $@ internal/webui/dist/.keep
