#!/usr/bin/env bash
# The whole-system tests that do not look into the lake's files, on ClickHouse: the same code, another store.
set -euo pipefail
cd "$(dirname "$0")/.."
export FOOTFALL_TEST_STORE=clickhouse
${CARGO:-cargo} test -p footfall-tests --test it -- --test-threads 2 \
  first_minute:: fates:: insights:: sessions_identity:: experiment:: crash:: stores:: deletion:: properties:: sql_doors::
