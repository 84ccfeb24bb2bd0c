# Everything that a person does with this repository. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# One after another, in the order in which they depend on each other.
MODULES := shared $(wildcard services/*) dashboards/quicksight dashboards local/standin local/preview local/headcount stack
GOLANGCI_VERSION := v2.12.2
DEADCODE_VERSION := v0.41.0
BIN := $(CURDIR)/.bin

# golangci-lint remembers files by their content, findings by their path: a cache that two
# checkouts share reports the files of the other one, which may be gone.
export GOLANGCI_LINT_CACHE := $(BIN)/golangci-lint-cache

# All that has a main.
PROGRAMS := $(addprefix ./,$(wildcard services/*)) ./local/headcount ./stack ./stack/ops

# In every module, stopping at the first that fails.
each = @set -e; for m in $(MODULES); do echo "== $$m: $(1)"; (cd $$m && $(1)); done

# Pulumi's engine, in a module outside of the workspace: nothing else needs what it brings along.
ENGINE := cd stack/enginetest && GOWORK=off

# Built and then run, as `go run` gives 1 in place of most exit codes of the command, and 1 after Ctrl-C.
headcount := go build -o $(BIN)/headcount ./local/headcount && exec $(BIN)/headcount

.PHONY: help demo test race lint fmt bench bench-pipeline bench-hotspots bench-hostile fuzz chaos build web generate picture tidy clean tools browser publishers
.PHONY: deploy preview smoke resources changes cfn-lint cost named pulumi

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools ## a simulated city on this machine, live, until Ctrl-C
	@$(headcount) demo

test: tools browser publishers ## all tests of all modules, with the race detector where goroutines meet
	@# The stack's tests read documents and lists that are outside of its module, which Go's test cache does not see.
	$(call each,go vet ./... && go test $$([ $$m = stack ] && echo -count=1) ./...)
	$(ENGINE) go vet ./... && GOWORK=off go test -v ./...
	@set -e; for p in ./shared/queue ./shared/metrics ./shared/service ./shared/stage ./services/aggregator/finals ./services/aggregator/partials ./local/standin/... ./local/preview/sql ./stack/keys ./stack/provide ; do echo "== race: $$p"; go test -race -short $$p; done

race: tools browser publishers ## all tests of all modules with the race detector
	$(call each,go test -race ./...)

lint: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) $(BIN)/deadcode-$(DEADCODE_VERSION) ## golangci-lint in every module, and no function that nothing reaches
	$(call each,$< run ./...)
	$(ENGINE) $< run ./...
	@# All programs at once, so that what one of them reaches is alive. Left out is what only tests of
	@# other packages call. deadcode ends with 0 in any case.
	@echo "== deadcode"; dead=$$($(BIN)/deadcode-$(DEADCODE_VERSION) -filter headcount-etl $(PROGRAMS) | \
		grep -vE ': (expression\.)?Functions$$|Queue\.ShowAll$$|DB\.Ask$$' || true); \
		[ -z "$$dead" ] || { echo "$$dead"; echo "no program reaches these functions: delete them, or move them to the tests that use them"; exit 1; }

fmt: $(BIN)/golangci-lint-$(GOLANGCI_VERSION) ## format all Go code
	$(call each,$< fmt ./...)
	$(ENGINE) $< fmt ./...

bench: tools ## all benchmarks of all modules
	$(call each,go test -run '^$$' -bench . -benchmem ./...)

fuzz: ## a minute of each fuzz test
	@# By default a minute may go into making one input shorter.
	@set -e; for f in $$(grep -rl '^func Fuzz' --include '*_test.go' shared services dashboards local stack); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$f); do \
			echo "== $$f $$name"; (cd $$(dirname $$f) && go test -run '^$$' -fuzz "^$$name$$" -fuzztime 1m -fuzzminimizetime 50x .); done; done

chaos: tools ## the services as processes, killed and with faults between them and the stand-in: SEED=1 KILLS=300 EVENTS=1000000 LOGS=folder
	cd local/headcount && go test -v -count=1 -timeout 3h -run 'TestChaos$$' ./internal/chaos \
		-seed $(or $(SEED),1) -kills $(or $(KILLS),300) -events $(or $(EVENTS),1000000) $(if $(LOGS),-logs $(abspath $(LOGS)))

bench-pipeline: tools ## CPU, memory and speed of the services as processes and of run: EVENTS=1000000 AGAINST=other-checkout ROUNDS=3
	cd local/headcount && go test -run '^$$' -bench Pipeline -benchtime 1x -timeout 5h ./internal/bench \
		-events $(or $(EVENTS),1000000) -rounds $(or $(ROUNDS),1) $(if $(AGAINST),-against $(abspath $(AGAINST)))

bench-hotspots: tools ## the services as processes with hot spots (this) and without (other): EVENTS=200000 ROUNDS=3, or INPUT=events.ndjson PLACES=places.csv
	cd local/headcount && go test -run '^$$' -bench Hotspots -benchtime 1x -timeout 5h ./internal/bench \
		-events $(or $(EVENTS),200000) -rounds $(or $(ROUNDS),3) $(if $(INPUT),-input $(abspath $(INPUT)) -places $(abspath $(PLACES)))

bench-hostile: tools ## peak memory of each service for each batch that was made to take much, and whether its neighbours are counted
	cd local/headcount && go test -run '^$$' -bench Hostile -benchtime 1x -timeout 1h ./internal/bench

build: tools ## bin/headcount, and the services as static binaries, in bin
	@set -e; go build -o bin/headcount ./local/headcount
	@set -e; for s in services/*; do CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/ ./$$s; done; ls -l bin

web: ## build the preview's chart library anew, with npm (what it makes is in the repository)
	cd local/preview/web/build && npm ci && npm run build

generate: ## write what is derived from the contract: docs/event.schema.json
	cd shared && go test ./event -run TestJSONSchemaIsCurrent -update

picture: ## draw docs/images/pipeline.svg from pipeline.d2 beside it, for the README
	@# The last line says what it was drawn from: a test compares, and needs no D2.
	cd docs/images && go run oss.terrastruct.com/d2@v0.7.1 --layout dagre --theme 0 --dark-theme 200 --pad 20 pipeline.d2 pipeline.svg
	cd docs/images && printf '<!-- pipeline.d2 %s -->\n' "$$(git hash-object --no-filters pipeline.d2)" >>pipeline.svg

tidy: ## go mod tidy in every module
	$(call each,GOWORK=off go mod tidy)
	$(ENGINE) go mod tidy

clean: ## remove what the targets above have made
	rm -rf $(BIN) bin data

deploy: named pulumi ## all of it to AWS, also for the first time: preflight, and `pulumi up`: STACK=dev, PULUMI_FLAGS=--yes to ask nothing
	@go run ./stack/ops preflight --stack $(STACK)
	pulumi stack select --create $(STACK)
	pulumi up --stack $(STACK) $(PULUMI_FLAGS)

preview: named pulumi ## what deploy would change: STACK=dev
	pulumi preview --stack $(STACK) --diff $(PULUMI_FLAGS)

smoke: named pulumi tools ## 1,000 events through a deployed stack, and everything that only AWS can tell: STACK=dev
	@pulumi stack output --json --stack $(STACK) | { $(headcount) smoke --outputs -; }

resources: ## write the committed lists of resources and templates, which a pull request shows: stack/testdata
	cd stack && go test ./program -run TestResources -count=1 -v -update
	$(ENGINE) go test . -run TestLife -count=1 -update

# What git compares: JSON in texts, such as a policy, as the JSON that it is, and each change under the
# type and the name of its resource.
WRITTEN_OUT := walk(if type == "string" and test("^[{\\[]") then (fromjson? // .) else . end) | if type == "array" then map(.name = .type + " " + .name) else . end

changes: ## what differs from a revision in the committed lists of resources and templates, policies written out: BASE=origin/main
	@command -v jq >/dev/null || { echo "jq is missing: https://jqlang.org/download/"; exit 1; }
	@[ -n "$(BASE)" ] || { echo "say from which revision on, as in: make changes BASE=origin/main"; exit 2; }
	@git -c diff.resources.xfuncname='^ {4}("name": .*)$$' -c diff.resources.textconv='jq '\''$(WRITTEN_OUT)'\' \
		diff --no-ext-diff -U0 "$(BASE)" -- stack/testdata

cfn-lint: ## judge the rendered templates by the schemas of CloudFormation; make test does so too where cfn-lint is installed
	@command -v cfn-lint >/dev/null || { echo "cfn-lint is missing: pip install cfn-lint"; exit 1; }
	cfn-lint --regions eu-west-1 us-east-1 -- stack/testdata/templates/*.json

cost: tools ## count what a run asks of AWS, and write the bill: docs/cost.md
	@$(headcount) cost --write docs/cost.md

named:
	@test -n "$(STACK)" || { echo "say which stack, as in: make $(MAKECMDGOALS) STACK=dev"; exit 1; }

pulumi:
	@command -v pulumi >/dev/null || { echo "Pulumi's CLI is missing: https://www.pulumi.com/docs/install/"; exit 1; }

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

# The tests run the publishers of docs/publishing.md, and parse the SQL of docs/data.md as Athena would.
publishers:
	@python3 -c 'import boto3' 2>/dev/null || /usr/bin/python3 -c 'import boto3' 2>/dev/null || { \
		echo "Python with boto3 is missing, for docs/publishing.md; installing it"; \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-boto3 >/dev/null; \
		else echo "install it: apt-get install python3-boto3 (Debian, Ubuntu), or Python and pip install boto3"; exit 1; fi; }
	@command -v npm >/dev/null || { \
		echo "Node is missing, for docs/publishing.md; installing it"; \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq nodejs npm >/dev/null; \
		else echo "install it: apt-get install nodejs npm (Debian, Ubuntu), or from https://nodejs.org"; exit 1; fi; }
	@cd local/headcount/testdata/node && if ! cmp -s package-lock.json node_modules/.lock; then npm ci --silent && cp package-lock.json node_modules/.lock; fi

$(BIN)/golangci-lint-$(GOLANGCI_VERSION):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

$(BIN)/deadcode-$(DEADCODE_VERSION):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) go install golang.org/x/tools/cmd/deadcode@$(DEADCODE_VERSION)
	@mv $(BIN)/deadcode $@
