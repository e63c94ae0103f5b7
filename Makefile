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
INSTA   := tool/cargo-insta@1.49.0
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
FUZZ_TARGETS ?= bibliocommons enterprise koha sierra page words
# What the functions are built for: Architecture in samconfig.toml, wherever it stands there, so that it is what gets deployed.
SAMCONFIG ?= samconfig.toml
ARCHITECTURE ?= $(or $(shell grep -v '^[[:space:]]*#' $(SAMCONFIG) 2>/dev/null | grep -oE 'Architecture=[^A-Za-z0-9]*(x86_64|arm64)' | \
	grep -oE '(x86_64|arm64)$$' | tail -n 1),x86_64)
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
dev: $(SAM) $(LAMBDA) $(EMULATORS) ## The functions on this machine, over an emulator; prints what to try.
	scripts/dev $(ARGS)

.PHONY: test
test: nextest doc-tests demo end-to-end ## Every test there is, installing what it needs into .tools/.
	@[ -d "$(PAGES)" ] || echo "SKIPPED: the tests over recorded pages, for $(PAGES) is not there (LIBRARY_PAGES)."

.PHONY: check
check: format clippy ## Format, lints and the fast tests, for before a commit; needs no other tool.
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace --profile quick; \
	else cargo test --workspace --exclude hippo-tests --lib --bins --tests; fi

.PHONY: lint
lint: lockfile format clippy docs deny advisories unused template ## Everything that is checked without running a test.

.PHONY: bench
bench: functions ## The benchmarks: criterion for the parts, scripts/bench for the whole and the functions.
	cargo bench --workspace
	scripts/bench

# The toolchain is the pinned one: without a sanitizer, for none of our code is unsafe, it needs no other. Clippy looks at what
# it builds. What was found is in fuzz/artifacts, and the way to see it again is printed.
.PHONY: fuzz
fuzz: export RUSTC_WORKSPACE_WRAPPER := clippy-driver
fuzz: $(FUZZ) fuzz-seeds ## Hostile pages for the readers, ten minutes for each of fuzz/fuzz_targets.
	for target in $(FUZZ_TARGETS); do cargo fuzz run --sanitizer none --debug-assertions --codegen-units 16 $$target -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=2 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 $(FUZZ_ARGS); done

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

.PHONY: template
template: $(SAM) $(CHECKOV)
	$(WITH_SAM) sam validate --lint --region us-east-1
	$(TOOLS)/python/sam/bin/cfn-lint infra/watch.yaml
	$(TOOLS)/python/checkov/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(TOOLS)/python/checkov/bin/checkov --quiet --compact --framework cloudformation --skip-download --file template.yaml infra/watch.yaml
	$(TOOLS)/python/sam/bin/python -m unittest discover --start-directory tests/template --top-level-directory tests/template

# The commands as the other tests have them, so that nothing is built twice.
.PHONY: end-to-end
end-to-end: functions $(EMULATORS)
	cargo test --quiet --workspace --no-run
	$(TOOLS)/python/sam/bin/python tests/aws/end_to_end.py

.PHONY: functions
functions: $(SAM) $(LAMBDA)
	# All side by side; sam asks for one after the other, and finds them built.
	$(WITH_SAM) cargo lambda build --release $(if $(filter arm64,$(ARCHITECTURE)),--arm64)
	$(WITH_SAM) sam build --parameter-overrides Architecture=$(ARCHITECTURE)

.PHONY: nextest
nextest: export HIPPO_REQUIRE_EMULATORS := 1
nextest: $(INSTA) $(NEXTEST) dynoxide emulators
	cargo-insta test --workspace --check --unreferenced=reject --disable-nextest-doctest --test-runner nextest --nextest-profile ci

.PHONY: doc-tests
doc-tests:
	cargo test --workspace --doc

# The same inputs each time, however fast the machine: nobody is surprised by what another change has brought.
.PHONY: fuzz-briefly
fuzz-briefly:
	@$(MAKE) fuzz FUZZ_SECONDS=120 FUZZ_ARGS="-seed=1 -runs=10000 -verbosity=0"

# Built as the tests are, which have built all that it needs.
.PHONY: fuzz-seeds
fuzz-seeds:
	cargo build --quiet --workspace --example seeds
	$(or $(CARGO_TARGET_DIR),target)/debug/examples/seeds fuzz/corpus

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
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

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

# tool/NAME@VERSION: one of that version on PATH will do; else it is built here, unoptimised, which is quick.
.PHONY: always
tool/%: export CARGO_TARGET_DIR := $(TOOLS)/build
tool/%: export CARGO_PROFILE_RELEASE_LTO := off
tool/%: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS := 16
tool/%: export CARGO_PROFILE_RELEASE_OPT_LEVEL := 0
tool/%: always
	@if $(firstword $(subst @, ,$*)) --version 2>/dev/null | grep -qwF '$(lastword $(subst @, ,$*))'; then exit 0; fi; \
	cargo install --locked --root '$(TOOLS)' '$*'; rm -rf '$(TOOLS)/build'

# The emulator of DynamoDB; quick when it is there already. Its own --version says another number.
.PHONY: dynoxide
dynoxide: export CARGO_TARGET_DIR := $(TOOLS)/build
dynoxide:
	cargo install --quiet --locked --root '$(TOOLS)' dynoxide-rs@3.2.0 --no-default-features --features native-sqlite,http-server,cli
	rm -rf '$(TOOLS)/build'

.PHONY: emulators
emulators: $(EMULATORS)

$(TOOLS)/python/%/installed: tools/%.txt
	rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
