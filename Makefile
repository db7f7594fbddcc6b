# Octroi: "make demo" shows it working on this host, "make test" runs what this host can test.

SWIFT  ?= swift
JOBS   := -j $(shell nproc)
PRODUCT ?= octroi
FORMAT := Sources Tests Benchmarks Package.swift migrations reports

.PHONY: help deps build demo demo-vm test test-vm focus-check lint check format bench release clean
.DEFAULT_GOAL := help

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:
	@Tests/Demo/deps libsqlite3-dev libsystemd-dev zlib1g-dev libgcrypt20-dev pkg-config

build: deps  ## Build the debug binary, .build/debug/octroi
	$(SWIFT) build $(JOBS) --product octroi

demo: build  ## Meter this host for 20 s with two tenants' workloads, and invoice them
	@Tests/Demo/demo .build/debug/octroi

demo-vm: release  ## The same in a Debian guest with systemd, where every meter and limit works
	@Tests/Demo/demo-vm

test: deps  ## Run every test that this host can run
	@Tests/said-again $(SWIFT) test $(JOBS) --disable-xctest

test-vm: release  ## Run the scenarios in the guest: systemd, Docker, memory, io, limits
	@Tests/VM/run

focus-check: build  ## Let the official FOCUS validator look at an export (needs Python 3.12 and pip)
	@Tests/Focus/run .build/debug/octroi

lint:  ## Lint the format
	$(SWIFT) format lint --strict --recursive $(FORMAT)

check: deps lint  ## Lint the format and check the rules of the house
	$(SWIFT) test $(JOBS) --disable-xctest --filter TidyTests

format:  ## Format the sources in place
	$(SWIFT) format --in-place --recursive $(FORMAT)

bench: deps  ## Measure the figures, each beside its floor or peer
	@Benchmarks/run
	@Benchmarks/store
	@Benchmarks/close
	@Benchmarks/limits

# A module is optimized as a whole, and by one thread unless told otherwise.
release: deps  ## Build the binary for other machines, .build/release/octroi
	$(SWIFT) build $(JOBS) -c release --static-swift-stdlib --product $(PRODUCT) -Xswiftc -num-threads -Xswiftc 2

clean:  ## Remove what was built and the demo's store
	rm -rf .build .demo
