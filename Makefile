# Rollcall. `make help` lists the targets; each is one command from a clean clone.
GO          ?= go
BIN         := bin
TOOLS       := tools/bin
PROFILES    ?= 100000
FUZZTIME    ?= 10s
KILLS       ?= 30
SOAK        ?= 30m
REV         ?= HEAD
HISTORIES   ?= 3000
BENCHCOUNT  ?= 1
RACEPKGS    ?= ./...
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
CA          ?= /etc/ssl/certs/ca-certificates.crt
STATIC      := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

.DEFAULT_GOAL := help
.PHONY: help build cross demo demo-real test test-race integration bench bench-operators bench-outage fuzz crash soak model mutants model-cover lint verify examples shape kit walkthrough manifests alerts image image-nats tools clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/consumer and bin/publisher, static
	$(STATIC) -o $(BIN)/ ./cmd/consumer ./cmd/publisher

cross: ## compiles both programs for linux, darwin and windows on amd64 and arm64, and keeps nothing
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath ./cmd/consumer ./cmd/publisher && echo "ok $$os/$$arch" || exit 1; \
	done; done

demo: build ## the main job in one process with an embedded broker and simulator, then an audit (under a minute)
	$(BIN)/consumer demo --profiles $(PROFILES)

demo-real: build ## the same with 5,000 profiles and SendGrid's true delays (some minutes)
	$(BIN)/consumer demo --profiles 5000 --real-time

test: ## every test that needs only Go (`make lint` vets; `make model` plays more)
	$(GO) test -vet=off -timeout 5m ./...

test-race: ## the same under the race detector (needs cgo and a C compiler)
	CGO_ENABLED=1 $(GO) test -race -timeout 15m $(RACEPKGS)

integration: build ## the compose file under kills, cuts, full disks and a million events (needs Docker; a quarter of an hour)
	ROLLCALL_INTEGRATION=1 $(GO) test -tags integration -count=1 -timeout 30m -parallel 4 -v ./integration

kit: build $(BIN)/nats-server $(TOOLS)/nats ## what the README's walk-through needs: consumer, publisher, nats-server, nats

$(BIN)/nats-server: go.mod
	$(STATIC) -o $(BIN)/nats-server github.com/nats-io/nats-server/v2

walkthrough: kit ## runs the README's commands in order
	ROLLCALL_REQUIRE_NATS_CLI=1 $(GO) test -count=1 -timeout 5m -v ./internal/walkthrough/...

manifests: ## what is shipped for Kubernetes and systemd, against their own code and our programs (a module of its own)
	cd tools/manifests && $(GO) test -count=1 ./...

examples: $(TOOLS)/nats ## runs the publishers of examples/ in every language that this machine has (`make test` runs Go's)
	ROLLCALL_EXAMPLES=$${ROLLCALL_EXAMPLES:-1} $(GO) test -count=1 -timeout 10m -v ./examples

alerts: $(TOOLS)/promtool ## the alert rules that are shipped, with cases in which they fire and do not
	cd deployments/prometheus && ../../$(TOOLS)/promtool check rules rollcall.rules.yaml
	cd deployments/prometheus && ../../$(TOOLS)/promtool test rules rollcall.rules.test.yaml

# Without the discovery of targets: it links every cloud's client.
$(TOOLS)/promtool: tools/alerts/go.mod
	cd tools/alerts && $(GO) build -tags remove_all_sd -o ../bin/ github.com/prometheus/prometheus/cmd/promtool

bench: build ## micro-benchmarks, then the pipeline against its floor
	$(GO) test -run '^$$' -bench . -benchmem -count $(BENCHCOUNT) ./internal/...
	$(BIN)/consumer bench

bench-operators: build ## a replay of a million events beside live changes, and explain on a million contacts
	$(BIN)/consumer bench replay
	$(BIN)/consumer bench explain

bench-outage: build ## SendGrid away while ten million events come, and the catching up (ten minutes)
	$(BIN)/consumer bench outage

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; \
	done

crash: build ## kills the consumer KILLS times at seeded moments, audits after each
	ROLLCALL_CRASH_KILLS=$(KILLS) $(GO) test -count=1 -timeout 30m -v -run TestCrash ./internal/demo/crash

soak: ## random stories against the model's reference for SOAK
	$(GO) test -count=1 -timeout 0 -v -run TestSoak ./internal/model -soak $(SOAK)

model: ## ten thousand stories and every pair of crash points (`make test` plays 3,000, and every fourth pair)
	$(GO) test -vet=off -count=1 -timeout 10m -run 'Random|Crash' ./internal/model -histories 10000 -pairs 1

mutants: ## applies testdata/mutants one by one; fails where the model stays green
	HISTORIES=$(HISTORIES) testdata/mutants/run.sh

model-cover: ## statement coverage of internal/pipeline by the model alone; fails below 85 %
	$(GO) test -count=1 -timeout 10m -run 'Corpus|Random' -coverpkg=rollcall/internal/pipeline -coverprofile=$(BIN)/model.cover ./internal/model
	@$(GO) tool cover -func=$(BIN)/model.cover | awk '/^total:/ {print "internal/pipeline by the model alone: " $$3; exit ($$3 + 0 < 85)}'

lint: $(TOOLS)/golangci-lint ## go vet and golangci-lint
	$(GO) vet -tags integration ./...
	$(TOOLS)/golangci-lint run ./...

verify: $(TOOLS)/gofumpt examples ## the examples, and fails on unformatted files, a go.mod that is not tidy, and a mutant that no longer fits
	@out=$$($(TOOLS)/gofumpt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not gofumpt-ed:"; echo "$$out"; exit 1; }
	$(GO) mod verify
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff
	cd tools/manifests && $(GO) mod tidy -diff
	cd tools/alerts && $(GO) mod tidy -diff
	@for p in testdata/mutants/*.patch; do patch -s -p1 --dry-run <$$p || { echo "$$p no longer fits: make it anew"; exit 1; }; done

shape: ## what the source measures, at REV (the last commit) beside the work tree
	tools/shape.sh $(REV)

image: build ## rollcall:dev, FROM scratch; needs neither a registry nor BuildKit
	cp $(BIN)/consumer $(BIN)/publisher $(CA) deployments/image/
	DOCKER_BUILDKIT=0 docker build -q -t rollcall:dev deployments/image
	rm -f deployments/image/consumer deployments/image/publisher deployments/image/ca-certificates.crt

image-nats: ## rollcall-nats:dev, a NATS server at go.mod's version, FROM scratch
	$(STATIC) -o deployments/nats/nats-server github.com/nats-io/nats-server/v2
	DOCKER_BUILDKIT=0 docker build -q -t rollcall-nats:dev deployments/nats
	rm -f deployments/nats/nats-server

tools: $(TOOLS)/golangci-lint $(TOOLS)/nats $(TOOLS)/gofumpt $(TOOLS)/benchstat $(TOOLS)/govulncheck ## the tools, at the versions of tools/go.mod

$(TOOLS)/golangci-lint: tools/go.mod
	cd tools && $(GO) build -o bin/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/nats: tools/go.mod
	cd tools && $(GO) build -o bin/ github.com/nats-io/natscli/nats
$(TOOLS)/gofumpt: tools/go.mod
	cd tools && $(GO) build -o bin/ mvdan.cc/gofumpt
$(TOOLS)/benchstat: tools/go.mod
	cd tools && $(GO) build -o bin/ golang.org/x/perf/cmd/benchstat
$(TOOLS)/govulncheck: tools/go.mod
	cd tools && $(GO) build -o bin/ golang.org/x/vuln/cmd/govulncheck

clean: ## what the other targets made
	rm -rf $(BIN) $(TOOLS) data
