# Every target sets up what it needs first. One profile, release, for everything: libtorch's bindings compile once.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
flags := --release --locked

# `make setup` writes libtorch's folder into .cargo/config.toml; an environment variable would override it there.
unexport LIBTORCH

# Each demo trains anew, in a store of its own. Its scenario: make demo DEMO=smoke
DEMO ?= demo
DEMO_STORE ?= results/$(DEMO)-$(shell date +%Y%m%d-%H%M%S)
demo_store := $(DEMO_STORE)
ndbench := $(or $(CARGO_TARGET_DIR),target)/release/ndbench

.PHONY: help setup build test-tools demo demo-short test test-golden test-gpu check-exports check-dashboards check-kubernetes check-slurm check-slurm-nightly check-tracking bench lint doc licences advisories ci

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## find or install libtorch, and make plain cargo commands work in this checkout
	@LIBTORCH='$(LIBTORCH)' scripts/setup

# The features of dependencies differ where tests are built: with CI=yes the program is that of the tests, so that it is built
# once; `lint` looks at the other.
build: setup ## build the program
	cargo build $(flags) $(if $(CI),--tests)

demo: build ## train BN and ND on the data set shipped here, then compare them
	@echo "demo: the records go to $(demo_store)"
	$(ndbench) run $(DEMO) --store $(demo_store)
	$(ndbench) report $(DEMO) --store $(demo_store) --comparison --figure $(demo_store)/comparison.svg
	@echo "demo: records and comparison.svg are in $(demo_store)"

demo-short: ## the demo in its shortest form
	@$(MAKE) --no-print-directory demo DEMO=smoke

test: setup ## run all tests that need no GPU
	cargo test $(flags)

test-golden: setup ## compare operators and networks with the golden fixtures (NDBENCH_GOLDEN names another folder)
	cargo test $(flags) golden -- --include-ignored --skip gpu

test-gpu: setup ## run the tests that need a CUDA device
	cargo test $(flags) gpu -- --ignored --test-threads=1

check-exports: build ## let the tools that read exports read some (installs them into the cache; CI=yes: skips none)
	scripts/check-exports $(ndbench)

check-dashboards: build ## let a real Prometheus scrape a run, and ask it what the dashboards ask (CI=yes: skips nothing)
	cargo build $(flags) -p ndbench-nvml-stub
	scripts/check-dashboards $(ndbench)

check-kubernetes: build ## hold manifests against the schemas of Kubernetes (installs a validator into the cache; CI=yes: skips nothing)
	scripts/check-kubernetes $(ndbench)

check-slurm: build ## train a matrix on a Slurm of this machine, disturb it, and compare (root; CI=yes: skips nothing)
	scripts/check-slurm $(ndbench)

check-tracking: build ## measure the rules that look for steps in histories (CI=yes: without Otava, which takes minutes)
	scripts/check-tracking $(ndbench) $(if $(CI),--own,--check)

# Faults at random by a seed, the day's: make check-slurm-nightly FAULTS=50 SEED=20260101
FAULTS ?= 200
SEED ?= $(shell date +%Y%m%d)

check-slurm-nightly: build ## the same with many faults at random (FAULTS, SEED)
	scripts/check-slurm $(ndbench) --faults $(FAULTS) --seed $(SEED)

bench: setup ## run the microbenchmarks
	cargo bench --locked

lint: setup ## check format and lints, with and without libtorch
	@cargo fmt --version >/dev/null 2>&1 || { echo "lint: rustfmt is missing: rustup component add rustfmt"; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || { echo "lint: clippy is missing: rustup component add clippy"; exit 1; }
	cargo fmt --all --check
	cargo clippy $(flags) --workspace --all-targets --no-default-features -- -D warnings
	cargo clippy $(flags) --workspace --all-targets -- -D warnings
	cargo clippy $(flags) -- -D warnings

doc: setup ## build the documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc $(flags) --no-deps

licences: ## check the licence of every dependency
	scripts/licences

advisories: ## look for known vulnerabilities, where cargo-audit and its database are here
	scripts/advisories

test-tools: ## install the programs that some tests drive (Debian, as root)
	scripts/test-tools

ci: ## everything a change must pass, cheap checks first
	@export CI=yes CARGO_INCREMENTAL=0; for step in test-tools licences advisories lint doc test check-exports check-kubernetes check-dashboards check-slurm check-tracking demo-short; do \
		echo "== $$step"; start=$$SECONDS; $(MAKE) --no-print-directory $$step; \
		echo "== $$step: $$((SECONDS - start)) s"; done
