# Entry points; what they do is in scripts/. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo demo-check setup test fmt lint e2e fuzz bench measure storm flow-storm grants soak

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build, then serve a throw-away workspace with its own identity provider
	cargo build --release --package gatehouse
	$${CARGO_TARGET_DIR:-target}/release/gatehouse demo

demo-check: ## build, then play the whole sign-in story and exit 0 or 1
	cargo build --release --package gatehouse
	$${CARGO_TARGET_DIR:-target}/release/gatehouse demo --check

setup: ## install what the tests need and this machine lacks
	scripts/setup

test: ## everything a change must pass (runs setup first)
	scripts/test

fmt: ## format the code
	cargo fmt --all

lint: ## formatting, clippy and the optional gates
	scripts/lint

e2e: ## the browser journeys alone (after setup)
	scripts/e2e

fuzz: ## ten minutes of each fuzz target (scripts/fuzz SECONDS TARGET for less)
	scripts/fuzz

bench: ## the performance goals beside floors and peers; the table of docs/performance.md
	scripts/bench --write

measure: ## size of the binary, start to ready, idle memory (release build)
	cargo build --release --package gatehouse
	scripts/measure.py $${CARGO_TARGET_DIR:-target}/release/gatehouse

storm: ## fifty kills in a storm of provisioning, on each database (scripts/storm ROUNDS for fewer)
	scripts/with-postgres scripts/storm

flow-storm: ## thirty kills among 10,000 executions, on each database (scripts/flow-storm ROUNDS EXECUTIONS for fewer)
	scripts/with-postgres scripts/flow-storm

grants: ## thirty kills between a provider's new tokens and their writing, on each database (scripts/grants ROUNDS for fewer)
	scripts/with-postgres scripts/grants

soak: ## ten minutes of API keys at full rate while keys come and go (scripts/soak SECONDS for less)
	scripts/soak
