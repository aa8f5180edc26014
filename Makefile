# make run starts Footfall on ./data; make test runs every test. Nothing else is needed.

CARGO ?= cargo
export CARGO ACTIVITIES SEED PARQUET EXPECTED PEERS

.PHONY: help run test bench bench-flags bench-evaluation bench-api bench-insights bench-results bench-results-http bench-scale lint fuzz

help:
	@echo "make run    build and start everything; prints the address"
	@echo "make test   every test, installing what they need"
	@echo "make bench  the benchmarks, as a table"
	@echo "make bench-flags        a flag is switched off while many listen and ask: how long until every door says so"
	@echo "make bench-evaluation   evaluations a second and core, beside GrowthBook's SDK for JavaScript in the same run"
	@echo "make bench-api          the app's API: sign-ins, reading and writing at a fixed rate"
	@echo "make bench-results PEOPLE=1000000   the results of an experiment with twenty metrics"
	@echo "make bench-results-http PEOPLE=1000000   the same, asked over HTTP of the running program"
	@echo "make bench-scale        how it grows on Kafka, ClickHouse and PostgreSQL by partitions and processes"
	@echo "make bench-insights ACTIVITIES=1000000 SEED=1   the insights engine, beside others with PEERS=1"
	@echo "make lint   clippy over everything"
	@echo "make fuzz   every fuzz target for ten seconds"

run:
	$(CARGO) build --package footfall
	@$${CARGO_TARGET_DIR:-target}/debug/footfall

test:
	@tests/run.sh

# ACTIVITIES=1000000 SEED=1 [PARQUET=FILE] [EXPECTED=FILE] [PEERS=1] [THROUGH=1]; tests/bench/insights/README.md
bench-insights:
	@tests/bench/insights/run.sh

# Results of an experiment with twenty metrics over PEOPLE=1000000 exposures.
bench-results:
	@$(CARGO) build --quiet --workspace --example exposures
	@$${CARGO_TARGET_DIR:-target}/debug/examples/exposures $(or $(PEOPLE),1000000)

# The same over HTTP, on the program with PEOPLE=1000000 imported.
bench-results-http:
	@$(CARGO) build --package footfall
	@$(CARGO) run --quiet --package footfall-bench -- --only results --people $(or $(PEOPLE),1000000)

bench:
	@$(CARGO) build --package footfall
	@$(CARGO) run --quiet --package footfall-bench

# The kill switch in one process and, where the services are installed, from one process to another.
bench-flags:
	@$(CARGO) build --package footfall --package footfall-bench
	@tests/bench/flags.sh

# This crate's evaluator and @growthbook/growthbook on the same rules and users (SECONDS=2 for each rule).
bench-evaluation:
	@tests/bench/evaluation.sh $(or $(SECONDS),2)

# The app's API on SQLite and, where it is installed, on a PostgreSQL of its own.
bench-api:
	@$(CARGO) build --package footfall
	@postgres="$$(dev/services/postgres up $$PPID || true)"; \
	  $(CARGO) run --quiet --package footfall-bench -- --only api $${postgres:+--postgres "$$postgres"}

# The whole way in files, then on a Kafka, a ClickHouse and a PostgreSQL of its own; docs/sizing.md.
bench-scale:
	@$(CARGO) build --package footfall --package footfall-bench
	@tests/bench/scale.sh

# For developers: clippy over everything, and every fuzz target for ten seconds.
lint:
	@$(CARGO) clippy --workspace --all-targets -- -D warnings

fuzz:
	@tests/fuzz/run.sh 10
