#!/usr/bin/env bash
# Whole-system tests on installations of six processes each (two that take in, two that fill the tables, two that answer, a balancer before
# them), on a real Kafka, ClickHouse, PostgreSQL and Redis: the same code.
#
#   tests/services.sh            all of them but those that tests/services.txt names, with the reason
#   tests/services.sh quick      a few of them, within minutes; `make test` runs these
#   tests/services.sh NAME…      those whose names contain one of these
#
# THREADS=2: how many at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
export FOOTFALL_TEST_STORE=services RUST_MIN_STACK="${RUST_MIN_STACK:-16777216}"
arguments=(--test-threads "${THREADS:-2}")
while read -r name _; do
  case "$name" in '' | '#'*) ;; *) arguments+=(--skip "$name") ;; esac
done <tests/services.txt
case "${1:-all}" in
all) ;;
quick) arguments+=(fates:: first_minute::) ;;
*) arguments+=("$@") ;;
esac
${CARGO:-cargo} test -p footfall-tests --test it -- "${arguments[@]}"
