# Everything that a person does with this repository. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# One after another, in the order in which they depend on each other.
MODULES := shared services/validator services/masker services/aggregator dashboards local
GOLANGCI_VERSION := v2.12.2
BIN := $(CURDIR)/.bin

# golangci-lint remembers files by their content, findings by their path: a cache that two
# checkouts share reports the files of the other one, which may be gone.
export GOLANGCI_LINT_CACHE := $(BIN)/golangci-lint-cache

# In every module, stopping at the first that fails.
each = @set -e; for m in $(MODULES); do echo "== $$m: $(1)"; (cd $$m && $(1)); done

.PHONY: help demo test race lint fmt bench fuzz build web generate tidy clean tools browser

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools ## a simulated city on this machine, live, until Ctrl-C
	@go run ./local demo

test: tools browser ## all tests of all modules, with the race detector where goroutines meet
	$(call each,go vet ./... && go test ./...)
	@set -e; for p in ./shared/queue ./shared/metrics ./shared/service ./shared/stage ./services/aggregator/finals ./services/aggregator/partials ./local/cloud/... ; do echo "== race: $$p"; go test -race -short $$p; done

race: tools browser ## all tests of all modules with the race detector
	$(call each,go test -race ./...)

lint: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) ## golangci-lint in every module
	$(call each,$< run ./...)

fmt: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) ## format all Go code
	$(call each,$< fmt ./...)

bench: tools ## all benchmarks of all modules
	$(call each,go test -run '^$$' -bench . -benchmem ./...)

fuzz: ## a minute of each fuzz test
	@set -e; for f in $$(grep -rl '^func Fuzz' --include '*_test.go' shared services dashboards local); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$f); do \
			echo "== $$f $$name"; (cd $$(dirname $$f) && go test -run '^$$' -fuzz "^$$name$$" -fuzztime 1m .); done; done

build: ## the services as static binaries, in .bin
	@set -e; for s in validator masker aggregator; do CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(BIN)/$$s ./services/$$s; done; ls -l $(BIN)

web: ## build the preview's chart library anew, with npm (what it makes is in the repository)
	cd local/preview/web/build && npm ci && npm run build

generate: ## write what is derived from the contract: docs/event.schema.json
	cd shared && go test ./event -run TestJSONSchemaIsCurrent -update

tidy: ## go mod tidy in every module
	$(call each,GOWORK=off go mod tidy)

clean: ## remove what the targets above have made
	rm -rf $(BIN) data

# DuckDB needs a C++ runtime to link with; nothing else is needed but Go.
tools:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or later from https://go.dev/dl/"; exit 1; }
	@command -v c++ >/dev/null || { echo "A C++ compiler is missing; installing g++"; \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq g++; \
		else echo "install one: apt-get install g++ (Debian, Ubuntu), xcode-select --install (macOS)"; exit 1; fi; }

# The tests of the dashboard's page look at it in Chromium.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo "Chromium is missing, in which the dashboard is tested; installing it"; \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
		else echo "install it: apt-get install chromium (Debian), or Google Chrome"; exit 1; fi; }

$(BIN)/golangci-lint-$(GOLANGCI_VERSION):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@
