#!/usr/bin/env bash
# make bench-insights: generates activities (or takes a Parquet file), loads, asks, compares, prints.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/../../.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
work="$target/bench-insights"
activities="${ACTIVITIES:-1000000}" seed="${SEED:-1}"
mkdir -p "$work"

python="$work/venv/bin/python"
packages=(numpy pyarrow)
[ -n "${PEERS:-}" ] && packages+=(chdb-core duckdb polars datafusion)
[ -n "${THROUGH:-}" ] && packages+=(duckdb)
if [ -z "${PARQUET:-}" ] || [ -n "${PEERS:-}${THROUGH:-}" ]; then
  [ -x "$python" ] || python3 -m venv "$work/venv"
  "$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}"
fi

if [ -n "${PARQUET:-}" ]; then
  parquet="$(realpath "$PARQUET")" reload=(--reload)
  # Peers keep their tables: those of another file, or of an older one of this name, are not its own.
  name="given_$(stat --format='%n %s %Y' "$parquet" | sha256sum | cut --bytes=1-12)"
  find "$work" -maxdepth 1 -regex '.*/\(projection\|peers\|through\|answers\|times\)_given_.*' ! -name "*_$name*" \
    -exec rm --recursive {} +
else
  name="${activities}_${seed}" parquet="$work/activities_${activities}_${seed}.parquet" reload=()
  [ -f "$parquet" ] || {
    "$python" "$here/generate.py" "$parquet.next" --events "$activities" --seed "$seed"
    mv "$parquet.next" "$parquet"
    reload=(--reload)
  }
fi

# The answers known by heart; others are compared with what EXPECTED names, or with the peers.
if [ -z "${EXPECTED:-}" ] && [ -z "${PARQUET:-}" ] && [ "$name" = 1000000_1 ]; then
  EXPECTED="$here/expected_1000000_1.json"
fi

# Through the running program instead of the engine alone: every activity over HTTP, and every question.
if [ -n "${THROUGH:-}" ]; then
  "${CARGO:-cargo}" build --quiet --workspace --bin footfall
  exec "$python" "$here/through.py" "$target/debug/footfall" "$parquet" "$work/through_$name" ${EXPECTED:+"$EXPECTED"}
fi

# All packages together choose the features of crates: this one alone would compile most of them anew.
"${CARGO:-cargo}" build --quiet --workspace --bin footfall-tests-bench-insights
"$target/debug/footfall-tests-bench-insights" --parquet "$parquet" --folder "$work/projection_$name" --cold \
  --answers "$work/answers_$name.json" --times "$work/times_$name.json" "${reload[@]}" ${EXPECTED:+--expected "$EXPECTED"}

if [ -n "${PEERS:-}" ]; then
  "$python" "$here/peers.py" "$parquet" "$work/peers_$name" "$work/answers_$name.json" "$work/times_$name.json"
fi
