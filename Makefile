# Each target is one short recipe; `make` lists them. Rust (with rustup's rustfmt and clippy) and a C and C++ compiler are all that
# must be there: other tools are built into .tools/ when a target first needs them. What concerns AWS needs Python 3 as well.
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

# Python tools: a virtual environment each, for what they bring does not agree. Versions: tools/*.txt.
SAM := $(TOOLS)/python/sam/installed
LAMBDA := $(TOOLS)/python/lambda/installed
EMULATORS := $(TOOLS)/python/emulators/installed
CHECKOV := $(TOOLS)/python/checkov/installed
# cargo-lambda finds Zig through the first python3 on PATH: its environment comes before SAM's.
WITH_SAM := PATH="$(TOOLS)/python/lambda/bin:$(TOOLS)/python/sam/bin:$$PATH"

# `make demo PROFILE=release ARGS="--keep DIR"`
PROFILE ?= dev
ARGS ?=
FUZZ_ARGS ?=
# `auto` skips the advisories, and says so, where their database cannot be fetched; `required` does not.
ADVISORIES ?= auto
# `make fuzz FUZZ_SECONDS=60 FUZZ_TARGETS=koha`
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
# What the functions are built for: Architecture in samconfig.toml, wherever it stands there, so that it is what gets deployed.
SAMCONFIG ?= samconfig.toml
ARCHITECTURE ?= $(or $(shell grep -v '^[[:space:]]*#' $(SAMCONFIG) 2>/dev/null | grep -oE 'Architecture=[^A-Za-z0-9]*(x86_64|arm64)' | \
	grep -oE '(x86_64|arm64)$$' | tail -n 1),x86_64)
TARGET := $(or $(CARGO_TARGET_DIR),target)
# What .ci/run runs too, each as a phase of its own.
LINT := lockfile format clippy docs deny advisories unused template
TEST := nextest doc-tests demo-without-aws end-to-end
PAGES := $(or $(LIBRARY_PAGES),../shared/library-pages)

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## The main job from end to end against a demo library on this machine.
	cargo run --profile $(PROFILE) --package hippo-cli --no-default-features -- demo $(ARGS)

.PHONY: build
build: functions ## The command, optimised (target/release/hippo), and the functions (.aws-sam/build).
	cargo build --release --package hippo-cli

.PHONY: deploy
deploy: samconfig functions ## The stack on AWS; samconfig.toml.example says how to begin.
	$(WITH_SAM) sam deploy --no-fail-on-empty-changeset $(ARGS)

.PHONY: samconfig
samconfig:
	@[[ -f samconfig.toml || "$(ARGS)" = *--guided* ]] || { echo "Copy samconfig.toml.example to samconfig.toml and fill it in," \
		"or answer questions: make deploy ARGS=--guided" >&2; exit 1; }

.PHONY: dev
dev: binaries $(SAM) $(LAMBDA) $(EMULATORS) ## The functions on this machine, over an emulator; prints what to try.
	$(TOOLS)/python/sam/bin/python tests/aws/dev.py

.PHONY: binaries
binaries: ## The commands and the functions, as the tests have them (target/debug).
	cargo build --workspace --bins --example seeds

.PHONY: test
test: $(TEST) ## Every test there is, installing what it needs into .tools/.
	@[ -d "$(PAGES)" ] || echo "SKIPPED: the tests over recorded pages, for $(PAGES) is not there (LIBRARY_PAGES)."

.PHONY: check
check: format clippy ## Format, lints and the fast tests, for before a commit; needs no other tool.
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --profile quick; \
	else cargo test --workspace --exclude hippo-tests --lib --bins --tests; fi

# For .ci/run, which makes each by itself.
.PHONY: parts
parts:
	@echo $(LINT) $(TEST)

# What is downloaded and built for the others.
.PHONY: tools python
tools: $(DENY) $(FUZZ) $(MACHETE) $(NEXTEST) dynoxide
python: $(SAM) $(LAMBDA) $(EMULATORS) $(CHECKOV)

.PHONY: lint
lint: $(LINT) ## Everything that is checked without running a test.

.PHONY: bench
bench: functions ## The benchmarks: criterion for the parts, scripts/bench for the whole and the functions.
	cargo bench --workspace
	scripts/bench

# The toolchain is the pinned one: without a sanitizer, for none of our code is unsafe, it needs no other. Clippy looks at what
# it builds. What was found is in fuzz/artifacts, and the way to see it again is printed.
FUZZ_BUILD := --sanitizer none --debug-assertions --codegen-units 16
.PHONY: fuzz
fuzz: export RUSTC_WORKSPACE_WRAPPER := clippy-driver
fuzz: $(FUZZ) fuzz-seeds ## Hostile pages for the readers, ten minutes for each of fuzz/fuzz_targets, one on each processor.
	cargo fuzz build $(FUZZ_BUILD)
	printf '%s\n' $(FUZZ_TARGETS) | xargs -P "$$(getconf _NPROCESSORS_ONLN)" -I '{}' scripts/print-when-done cargo fuzz run $(FUZZ_BUILD) '{}' -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=2 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 $(FUZZ_ARGS)

# Of the recorded pages the tests try some of these only, and no two changes at once. It prints how many of each there were;
# most time goes to BiblioCommons' recorded pages: `make mutants MUTATION_SYSTEMS="koha sierra"` leaves them out.
.PHONY: mutants
mutants: export MUTATION_STRIDE := 1
mutants: ## Each broken page that the tests can make, recorded ones among them, and a sample of pages broken twice.
	cargo test --profile $(PROFILE) --package hippo-systems --test integration -- mutation:: --include-ignored --nocapture

.PHONY: fmt
fmt: ## Format the code.
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

# The parts of `test` and `lint`, each to be run alone too.
#
# They share what they build. Cargo builds a dependency once for each set of its features, and the features depend on what is asked
# for: here always the whole workspace, and something that tests need too (an example will do).

.PHONY: template
template: $(SAM) $(CHECKOV)
	$(WITH_SAM) sam validate --lint --region us-east-1
	$(TOOLS)/python/sam/bin/cfn-lint infra/watch.yaml
	$(TOOLS)/python/checkov/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(TOOLS)/python/checkov/bin/checkov --quiet --compact --framework cloudformation --skip-download --file template.yaml infra/watch.yaml
	$(TOOLS)/python/sam/bin/python -m unittest discover --start-directory tests/template --top-level-directory tests/template

.PHONY: end-to-end
end-to-end: functions binaries $(LAMBDA) $(EMULATORS)
	$(TOOLS)/python/sam/bin/python tests/aws/end_to_end.py

.PHONY: functions
functions: $(SAM) $(LAMBDA)
	# All side by side; sam asks for one after the other, and finds them built.
	$(WITH_SAM) cargo lambda build --release $(if $(filter arm64,$(ARCHITECTURE)),--arm64)
	$(WITH_SAM) sam build --parameter-overrides Architecture=$(ARCHITECTURE)

# The tests write down which snapshots they looked at: one that none of them asked for is an error.
.PHONY: nextest
nextest: export HIPPO_REQUIRE_EMULATORS := 1
nextest: export INSTA_UPDATE := no
nextest: export INSTA_SNAPSHOT_REFERENCES_FILE := $(abspath $(TARGET))/snapshots
nextest: $(NEXTEST) dynoxide emulators
	rm -f $$INSTA_SNAPSHOT_REFERENCES_FILE
	cargo nextest run --workspace --profile ci
	@find $(CURDIR)/crates $(CURDIR)/functions $(CURDIR)/tests -name '*.snap' | xargs realpath | sort | comm -23 - <(xargs realpath <$$INSTA_SNAPSHOT_REFERENCES_FILE | sort -u) | \
	{ ! grep . || { echo "No test asked for these snapshots." >&2; exit 1; }; }

.PHONY: doc-tests
doc-tests:
	cargo test --workspace --doc

# The same inputs each time, however fast the machine: nobody is surprised by what another change has brought. An input has more
# time than usual, for .ci/run does something else meanwhile.
.PHONY: fuzz-briefly
fuzz-briefly:
	@$(MAKE) fuzz FUZZ_SECONDS=120 FUZZ_ARGS="-seed=1 -runs=10000 -verbosity=0 -timeout=10"

.PHONY: fuzz-seeds
fuzz-seeds: binaries
	$(TARGET)/debug/examples/seeds fuzz/corpus

# The command without AWS, of which everything else is built already.
.PHONY: demo-without-aws
demo-without-aws:
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
	elif [ "$(ADVISORIES)" = required ]; then echo "The advisory database could not be fetched." >&2; exit 1; \
	else echo "SKIPPED: advisories, for their database could not be fetched."; fi

.PHONY: unused
unused: $(MACHETE)
	cargo-machete

# What stands on top of a recipe for a tool: it is built where nothing is kept, and hardly optimised, which is quick.
BUILD_TOOL = export CARGO_TARGET_DIR='$(TOOLS)/build' CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
FORGET_BUILD = rm -rf '$(TOOLS)/build'

# tool/NAME@VERSION: one of that version on PATH will do; else it is built here.
.PHONY: always
tool/%: always
	@if $(firstword $(subst @, ,$*)) --version 2>/dev/null | grep -qwF '$(lastword $(subst @, ,$*))'; then exit 0; fi; \
	$(BUILD_TOOL) CARGO_PROFILE_RELEASE_OPT_LEVEL=0; cargo install --locked --root '$(TOOLS)' '$*'; $(FORGET_BUILD)

# The emulator of DynamoDB; quick when it is there already. Its own --version says another number. The tests work it hard.
.PHONY: dynoxide
dynoxide:
	$(BUILD_TOOL) CARGO_PROFILE_RELEASE_OPT_LEVEL=1; cargo install --quiet --locked --root '$(TOOLS)' dynoxide-rs@3.2.0 \
		--no-default-features --features native-sqlite,http-server,cli; $(FORGET_BUILD)

.PHONY: emulators
emulators: $(EMULATORS)

$(TOOLS)/python/%/installed: tools/%.txt
	rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	$(@D)/bin/pip check --disable-pip-version-check
	touch $@
