# Each target is one short recipe; `make` lists them. You need Rust (with rustup's rustfmt and clippy) and a C and C++ compiler, and
# Python 3 for the AWS targets. Other tools are built into .tools/ when a target first needs them.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

TOOLS ?= $(CURDIR)/.tools
export PATH := $(TOOLS)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

DENY    := tool/cargo-deny@0.20.2
FUZZ    := tool/cargo-fuzz@0.13.2
MACHETE := tool/cargo-machete@0.9.2
NEXTEST := tool/cargo-nextest@0.9.143

# Python tools, each in its own virtual environment, since their dependencies conflict. Versions: tools/*.txt. uv installs them in a
# third of the time that pip takes.
UV := $(TOOLS)/python/uv/bin/uv --no-cache --quiet
SAM := $(TOOLS)/python/sam/installed
LAMBDA := $(TOOLS)/python/lambda/installed
EMULATORS := $(TOOLS)/python/emulators/installed
# Calendar readers, for the tests of the feeds.
CALENDAR := $(TOOLS)/python/calendar/installed
CHECKOV := $(TOOLS)/python/checkov/installed
# A browser, and what its tests bring into the pages. Versions: Debian's, and tools/npm.
BROWSER := $(TOOLS)/browser/bin/chromedriver
NPM := $(TOOLS)/npm/node_modules/.package-lock.json
# cargo-lambda finds Zig through the first python3 on PATH, so its environment comes before SAM's.
WITH_SAM := PATH="$(TOOLS)/python/lambda/bin:$(TOOLS)/python/sam/bin:$$PATH"

# `make demo PROFILE=release ARGS="--keep DIR"`
PROFILE ?= dev
ARGS ?=
FUZZ_ARGS ?=
# If the advisory database can't be fetched, `auto` skips the advisories with a message, and `required` fails.
ADVISORIES ?= auto
# `make fuzz FUZZ_SECONDS=60 FUZZ_TARGETS=koha`
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
# Builds the functions for the Architecture that samconfig.toml deploys.
SAMCONFIG ?= samconfig.toml
ARCHITECTURE ?= $(or $(shell grep -v '^[[:space:]]*#' $(SAMCONFIG) 2>/dev/null | grep -oE 'Architecture=[^A-Za-z0-9]*(x86_64|arm64)' | \
	grep -oE '(x86_64|arm64)$$' | tail -n 1),x86_64)
TARGET := $(or $(CARGO_TARGET_DIR),target)
# .ci/run runs each of these as a phase.
LINT := lockfile format clippy docs deny advisories unused template
TEST := nextest doc-tests demo-without-aws end-to-end
PAGES := $(or $(LIBRARY_PAGES),../shared/library-pages)

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## Run the main jobs against demo libraries on this machine.
	cargo run --profile $(PROFILE) --package hippo-cli --no-default-features -- demo $(ARGS)

.PHONY: build
build: functions ## Build the optimised command (target/release/hippo) and the functions (.aws-sam/build).
	cargo build --release --package hippo-cli

.PHONY: deploy
deploy: samconfig schedules functions ## Deploy the stack to AWS; start with samconfig.toml.example.
	$(WITH_SAM) sam deploy --no-fail-on-empty-changeset $(ARGS)
	$(WITH_SAM) scripts/save-schedules $(SAMCONFIG)

.PHONY: schedules
schedules:
	@python3 scripts/check-schedules

.PHONY: samconfig
samconfig:
	@[[ -f samconfig.toml || "$(ARGS)" = *--guided* ]] || { echo "Copy samconfig.toml.example to samconfig.toml and fill it in," \
		"or answer questions: make deploy ARGS=--guided" >&2; exit 1; }

.PHONY: dev
dev: binaries $(SAM) $(LAMBDA) $(EMULATORS) ## Run the functions on an emulator; prints what to try.
	$(TOOLS)/python/sam/bin/python tests/aws/dev.py

# Everything that the tests run, with the benchmarks and the examples.
.PHONY: compile-all
compile-all:
	cargo build --workspace --all-targets

.PHONY: binaries
binaries: ## Build the commands and the functions for the tests (target/debug).
	cargo build --workspace --bins --example seeds

.PHONY: test
test: $(TEST) ## Run every test; installs what it needs into .tools/.
	@[ -d "$(PAGES)" ] || echo "SKIPPED: the tests on recorded pages, since $(PAGES) is missing (LIBRARY_PAGES)."

.PHONY: check
check: format clippy ## Check the format, lints and fast tests before a commit; needs no other tool.
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --profile quick; \
	else cargo test --workspace --exclude hippo-tests --lib --bins --tests; fi

# .ci/run checks that it has run each of these.
.PHONY: parts
parts:
	@echo $(LINT) $(TEST)

# `tools` installs the tools of the other targets; `downloads` fetches the rest.
.PHONY: tools downloads
tools: $(DENY) $(FUZZ) $(MACHETE) $(NEXTEST) dynoxide
downloads: $(SAM) $(LAMBDA) $(EMULATORS) $(CALENDAR) $(CHECKOV) $(BROWSER) $(NPM)

.PHONY: lint
lint: $(LINT) ## Check everything that needs no test run.

.PHONY: bench
bench: functions ## Run the benchmarks: criterion for parts, scripts/bench for the whole and the functions.
	cargo bench --workspace
	scripts/bench

# Uses the pinned toolchain, since it needs no sanitizer: none of our code is unsafe. Clippy checks what it builds. Findings are in
# fuzz/artifacts, and the command to reproduce each is printed.
FUZZ_BUILD := --sanitizer none --debug-assertions --codegen-units 16
RUN_FUZZERS = export RUSTC_WORKSPACE_WRAPPER=clippy-driver; cargo fuzz build $(FUZZ_BUILD); \
	printf '%s\n' $(FUZZ_TARGETS) | xargs -P "$$(getconf _NPROCESSORS_ONLN)" -I '{}' scripts/print-when-done cargo fuzz run $(FUZZ_BUILD) '{}' -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=2 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 $(FUZZ_ARGS)
.PHONY: fuzz
fuzz: $(FUZZ) fuzz-seeds ## Fuzz the page readers, ten minutes for each of fuzz/fuzz_targets, one on each processor.
	$(RUN_FUZZERS)

# The tests try only some of these changes on recorded pages, and only one at a time. This target prints how many it tried. Most of
# the time goes to BiblioCommons' recorded pages; `make mutants MUTATION_SYSTEMS="koha sierra"` leaves them out.
.PHONY: mutants
mutants: export MUTATION_STRIDE := 1
mutants: ## Try every broken page that the tests can make, and a sample of pages broken twice.
	cargo test --profile $(PROFILE) --package hippo-systems --test integration -- mutation:: --include-ignored --nocapture

.PHONY: fmt
fmt: ## Format the code.
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

# The parts of `test` and `lint`, which can also be run alone.
#
# They share builds. Cargo builds a dependency once for each set of features, which depends on the selected packages and targets. So
# each part selects the whole workspace and a target that needs the tests' dependencies, like an example.

.PHONY: template
template: $(SAM) $(CHECKOV)
	$(WITH_SAM) sam validate --lint --region us-east-1
	$(TOOLS)/python/sam/bin/cfn-lint infra/schedules.yaml infra/watch.yaml infra/job.yaml
	$(TOOLS)/python/checkov/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(TOOLS)/python/checkov/bin/checkov --quiet --compact --framework cloudformation --skip-download --file template.yaml infra/schedules.yaml infra/watch.yaml infra/job.yaml
	$(TOOLS)/python/sam/bin/python -m unittest discover --start-directory tests/template --top-level-directory tests/template

.PHONY: end-to-end
end-to-end: functions binaries $(LAMBDA) $(EMULATORS)
	$(TOOLS)/python/sam/bin/python tests/aws/end_to_end.py

.PHONY: functions
functions: $(SAM) $(LAMBDA)
	# sam alone builds one function after the other. cargo lambda builds them together, and sam finds them built.
	$(WITH_SAM) cargo lambda build --release $(if $(filter arm64,$(ARCHITECTURE)),--arm64)
	$(WITH_SAM) sam build --parameter-overrides Architecture=$(ARCHITECTURE)

# The tests record which snapshots they use. An unused snapshot is an error.
.PHONY: nextest
nextest: export HIPPO_REQUIRE_EMULATORS := 1
nextest: export INSTA_UPDATE := no
nextest: export INSTA_SNAPSHOT_REFERENCES_FILE := $(abspath $(TARGET))/snapshots
nextest: $(NEXTEST) dynoxide emulators
	rm -f $$INSTA_SNAPSHOT_REFERENCES_FILE
	cargo nextest run --workspace --profile ci
	@find $(CURDIR)/crates $(CURDIR)/functions $(CURDIR)/tests -name '*.snap' | xargs realpath | sort | comm -23 - <(xargs realpath <$$INSTA_SNAPSHOT_REFERENCES_FILE | sort -u) | \
	{ ! grep . || { echo "No test uses these snapshots." >&2; exit 1; }; }

# The tests in a browser alone; nextest runs them too.
.PHONY: browser
browser: export HIPPO_REQUIRE_EMULATORS := 1
browser: $(NEXTEST) $(BROWSER) $(NPM) ## Test the pages in a real browser.
	cargo nextest run --workspace --profile ci -E 'package(hippo-tests) and test(/^browser::/)'

.PHONY: doc-tests
doc-tests:
	cargo test --workspace --doc

# Always the same inputs on every machine, so that a failure comes from the change that is tested. The limits of time only end what
# hangs: .ci/run does something else meanwhile.
.PHONY: fuzz-briefly
fuzz-briefly: FUZZ_SECONDS := 600
fuzz-briefly: FUZZ_ARGS := -seed=1 -runs=2500 -verbosity=0 -timeout=60
# Without line numbers, which take long to compile and to link. `make fuzz` has them.
fuzz-briefly: export RUSTFLAGS := -C debuginfo=0 -C strip=debuginfo
fuzz-briefly: $(FUZZ) fuzz-seeds
	@$(RUN_FUZZERS)

.PHONY: fuzz-seeds
fuzz-seeds: binaries
	$(TARGET)/debug/examples/seeds fuzz/corpus

# The command without AWS: as the README installs it, and the smallest one. Everything else is already built.
.PHONY: demo-without-aws
demo-without-aws:
	cargo build --workspace --bins --example seeds --no-default-features --features hippo-cli/oidc
	cargo build --workspace --bins --example seeds --no-default-features
	$(TARGET)/debug/hippo demo

.PHONY: lockfile
lockfile:
	cargo metadata --locked --format-version 1 >/dev/null
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null

.PHONY: format
format:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

.PHONY: clippy
clippy:
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: docs
docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib --bins --example seeds

.PHONY: deny
deny: $(DENY)
	cargo-deny check --deny unmatched-skip --deny unnecessary-skip bans licenses sources

.PHONY: advisories
advisories: $(DENY)
	@if cargo-deny --log-level off fetch db; then cargo-deny check --disable-fetch advisories; \
	elif [ "$(ADVISORIES)" = required ]; then echo "Couldn't fetch the advisory database." >&2; exit 1; \
	else echo "SKIPPED: advisories, since their database couldn't be fetched."; fi

.PHONY: unused
unused: $(MACHETE)
	cargo-machete

# The settings for building a tool: in a temporary directory, and with little optimisation, which is fast.
BUILD_TOOL = export CARGO_TARGET_DIR='$(TOOLS)/build' CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
FORGET_BUILD = rm -rf '$(TOOLS)/build'

# tool/NAME@VERSION: uses a tool of that version on PATH, or installs Astral's build of it from PyPI, or builds it where there is none.
.PHONY: always
tool/%: always $(TOOLS)/python/uv/installed
	@name='$(firstword $(subst @, ,$*))'; version='$(lastword $(subst @, ,$*))'; environment="$(TOOLS)/python/$$name"; \
	if "$$name" --version 2>/dev/null | grep -qwF "$$version"; then exit 0; fi; \
	mkdir -p '$(TOOLS)/bin'; \
	if { $(UV) venv --clear "$$environment" && $(UV) pip install --python "$$environment" --no-deps --only-binary :all: \
		"astral-dev-toolchain-$$name==$$version"; } 2>/dev/null; \
	then ln -sf "$$environment/bin/$$name" '$(TOOLS)/bin'; exit 0; fi; \
	$(BUILD_TOOL) CARGO_PROFILE_RELEASE_OPT_LEVEL=0; cargo install --locked --root '$(TOOLS)' '$*'; $(FORGET_BUILD)

# The DynamoDB emulator, from npm, or built from its source where npm has none for the machine. Cargo is fast if it is already
# installed. Its --version prints another number, and the tests need it optimised.
.PHONY: dynoxide
dynoxide: $(NPM)
	@mkdir -p '$(TOOLS)/bin'; built='$(TOOLS)/npm/node_modules/@dynoxide/linux-x64/dynoxide'; \
	if [ -f "$$built" ]; then ln -sf "$$built" '$(TOOLS)/bin'; exit 0; fi; \
	$(BUILD_TOOL) CARGO_PROFILE_RELEASE_OPT_LEVEL=1; cargo install --quiet --locked --root '$(TOOLS)' dynoxide-rs@3.2.0 \
		--no-default-features --features native-sqlite,http-server,cli; $(FORGET_BUILD)

.PHONY: emulators
emulators: $(EMULATORS) $(CALENDAR) $(BROWSER) $(NPM)

$(BROWSER):
	scripts/fetch-browser $(TOOLS)/browser

$(NPM): tools/npm/package.json tools/npm/package-lock.json
	mkdir -p $(TOOLS)/npm
	cp $^ $(TOOLS)/npm
	npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(TOOLS)/npm
	touch $@

$(TOOLS)/python/uv/installed: tools/uv.txt
	rm -rf $(@D)
	python3 -m venv --without-pip $(@D)
	python3 -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check --no-deps --requirement $<
	touch $@

$(TOOLS)/python/%/installed: tools/%.txt $(TOOLS)/python/uv/installed
	$(UV) venv --clear $(@D)
	$(UV) pip install --python $(@D) --no-deps --compile-bytecode --requirement $<
	$(UV) pip check --python $(@D)
	touch $@
