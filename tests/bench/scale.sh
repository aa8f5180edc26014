#!/usr/bin/env bash
# How the whole way grows with partitions and processes, on a Kafka, a ClickHouse and a PostgreSQL of its own: a table in Markdown.
# Arguments go to footfall-bench, for example --sustain 15 --partitions 1,4 --processes 1,2.
set -euo pipefail
cd "$(dirname "$0")/../.."

services=dev/services
read -r brokers folder <<<"$("$services/kafka" up $$)"
clickhouse="$("$services/clickhouse" up $$)"
postgres="$("$services/postgres" up $$)"
trap '"$services/kafka" down "$folder"; "$services/clickhouse" down "$("$services/clickhouse" folder "$clickhouse")"' EXIT

"${CARGO_TARGET_DIR:-target}/debug/footfall-bench" --only scale --kafka "$brokers" --kafka-data "$folder/data" \
  --clickhouse "clickhouse://${clickhouse#http://}" --postgres "$postgres" "$@"
