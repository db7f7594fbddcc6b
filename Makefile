# Octroi: "make demo" shows it working on this host, "make test" runs what this host can test.

SWIFT  ?= swift
JOBS   := -j $(shell nproc)
PRODUCT ?= octroi
# One optimized build serves the demo, the tests and the guest. "swift test" is told to build nothing: what
# "swift build" has built, it would build once more. A module is optimized as a whole, by one thread unless
# told otherwise.
THREADS := -Xswiftc -num-threads -Xswiftc 2
BUILT   := .build/tested
TESTED  := $(JOBS) --scratch-path $(BUILT) -c release -Xswiftc -enable-testing -Xswiftc -gnone $(THREADS)
OCTROI  := $(BUILT)/release/octroi
FORMAT := Sources Tests Benchmarks Package.swift migrations reports

.PHONY: help deps build demo demo-vm test test-vm focus-check lint check format bench release clean
.DEFAULT_GOAL := help

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:
	@Tests/Demo/deps libsqlite3-dev libsystemd-dev zlib1g-dev libgcrypt20-dev pkg-config

build: deps  ## Build the binary for this machine, .build/tested/release/octroi
	$(SWIFT) build $(TESTED) --product octroi

demo: build  ## Meter this host for 20 s with two tenants' workloads, and invoice them
	@Tests/Demo/demo $(OCTROI)

demo-vm: build  ## The same in a Debian guest with systemd, where every meter and limit works
	@Tests/Demo/demo-vm $(OCTROI)

test: deps  ## Run every test that this host can run
	@Tests/said-again $(SWIFT) build $(TESTED) --build-tests
	@Tests/said-again $(SWIFT) test $(TESTED) --skip-build --disable-xctest

test-vm: build  ## Run the scenarios in the guest: systemd, Docker, memory, io, limits
	@Tests/VM/run

focus-check: build  ## Let the official FOCUS validator look at an export (needs Python 3.12 and pip)
	@Tests/Focus/run $(OCTROI)

lint:  ## Lint the format
	$(SWIFT) format lint --strict --recursive $(FORMAT)

check: deps lint  ## Lint the format and check the rules of the house
	$(SWIFT) build $(TESTED) --build-tests
	$(SWIFT) test $(TESTED) --skip-build --disable-xctest --filter TidyTests

format:  ## Format the sources in place
	$(SWIFT) format --in-place --recursive $(FORMAT)

bench: deps  ## Measure the figures, each beside its floor or peer
	@Benchmarks/run
	@Benchmarks/store
	@Benchmarks/close
	@Benchmarks/limits

release: deps  ## Build the binary for other machines, .build/release/octroi
	$(SWIFT) build $(JOBS) -c release --static-swift-stdlib --product $(PRODUCT) $(THREADS)

clean:  ## Remove what was built and the demo's store
	rm -rf .build .demo
