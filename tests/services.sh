#!/usr/bin/env bash
# Whole-system tests on installations of six processes each, on a real Kafka, ClickHouse and PostgreSQL: the same code. Arguments name
# others than those of fates.rs.
set -euo pipefail
cd "$(dirname "$0")/.."
export FOOTFALL_TEST_STORE=services
cargo test -p footfall-tests --test it -- --test-threads 1 "${@:-fates::}"
