#!/usr/bin/env bash
# How long until a flag that is switched off is off at every door: in one process, and from one `api` process to another on a Kafka, a
# ClickHouse, a PostgreSQL and a Redis of its own, where these are installed. Arguments go to footfall-bench, for example --switch-listeners 5000.
set -euo pipefail
cd "$(dirname "$0")/../.."

services=dev/services
bench=("${CARGO_TARGET_DIR:-target}/debug/footfall-bench" --only flag-switch)
down=()
finish() { for one in "${down[@]}"; do eval "$one"; done; }
trap finish EXIT

# Each line says what is missing by itself (exit 69).
if said="$("$services/redis" up $$)" && read -r redis redis_folder <<<"$said" && down+=("'$services/redis' down '$redis_folder'") &&
  said="$("$services/kafka" up $$)" && read -r brokers kafka_folder <<<"$said" && down+=("'$services/kafka' down '$kafka_folder'") &&
  clickhouse="$("$services/clickhouse" up $$)" && down+=("'$services/clickhouse' down '$("$services/clickhouse" folder "$clickhouse")'") &&
  postgres="$("$services/postgres" up $$)"; then
  bench+=(--redis "$redis" --kafka "$brokers" --clickhouse "clickhouse://${clickhouse#http://}" --postgres "$postgres")
else
  echo "Several processes are left out: a service is missing." >&2
fi
"${bench[@]}" "$@"
