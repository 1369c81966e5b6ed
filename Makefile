# A thin front for Meson: everything that builds is in meson.build, everything that tests is in tools/test.

SEEDS ?= 100
FROM ?= 1
SECONDS ?= 60
ARGS ?=
C_FILES = $(shell git ls-files '*.c' '*.h')

.DEFAULT_GOAL := build
.PHONY: build run run-cluster engines engines-stop test bench bench-cluster siege format lint sim fuzz clean help

build: ## compile everything into build/
	@tools/setup build
	@[ -f build/build.ninja ] || meson setup build
	@ninja -C build

run: build ## install what is missing, compile, run the whole shop (ARGS="--product.brew_ms=0" for settings)
	@exec build/coffeeshop up $(ARGS)

run-cluster: build ## the same on Kafka, PostgreSQL and Redis, which it starts (make engines-stop stops them)
	@tools/setup engines
	@tools/engines start
	@exec build/coffeeshop up --config=var/engines/shop.conf $(ARGS)

engines: ## start PostgreSQL, Redis and Kafka on loopback, with data in var/engines, and print the settings to use
	@tools/setup engines
	@tools/engines start

engines-stop: ## stop them; their data stays
	@tools/engines stop

test: ## every test there is, ending with a line of sums
	@tools/setup test
	@tools/test

bench: ## measure throughput and latency
	@tools/setup test
	@$(MAKE) --no-print-directory build
	@bench/run $(ARGS)

bench-cluster: ## the same on Kafka, PostgreSQL and Redis, which it starts, beside the embedded engines
	@tools/setup test
	@$(MAKE) --no-print-directory build
	@CLUSTER=1 bench/run $(ARGS)

siege: ## the original's siege run while a service is slow, SECONDS=60 each: pictures in build/siege
	@tools/setup test
	@$(MAKE) --no-print-directory build
	@SECONDS=$(SECONDS) bench/siege/run $(ARGS)

format: ## lay out all C files as .clang-format says
	@tools/setup test
	@clang-format -i $(C_FILES)

lint: ## layout, clang-tidy and the rules of the architecture
	@tools/setup test
	@tools/test lint arch

sim: ## simulate SEEDS=100 random histories, the first with seed FROM=1
	@tools/setup build
	@[ -f build/build.ninja ] || meson setup build
	@ninja -C build tests/sim/sim_run
	@build/tests/sim/sim_run --from $(FROM) --seeds $(SEEDS)

fuzz: ## fuzz every decoder for SECONDS=60 each
	@tools/setup test
	@tools/test fuzz --fuzz-seconds $(SECONDS)

clean: ## remove everything that was built
	@rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
