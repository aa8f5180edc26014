#!/usr/bin/env bash
# Measures the web application in Chromium: what the first load weighs, when it can be used on a slow processor, frames while tiles are dragged and
# a long table is scrolled, and a dashboard of twelve tiles. Fails only where the weight is over its budget; times are printed.
# PEOPLE and WEEKS: how large the shop is (600 and 9). Needs what tests/install.sh installs, and `cargo build -p footfall`.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
footfall="${FOOTFALL_PROGRAM:-${CARGO_TARGET_DIR:-$PWD/target}/debug/footfall}"
folder="$(mktemp -d)"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
for name in ADDRESS FLAGS ACCOUNT KEY; do export "FOOTFALL_LIMITS_$name=0"; done
export FOOTFALL_DATA_DIR="$folder/data" FOOTFALL_LISTEN="127.0.0.1:$port" FOOTFALL_PROJECT=shop
export FOOTFALL_SERVER_PUBLIC_URL="http://localhost:$port" FOOTFALL_TRACING_LEVEL=error
node tests/sdk/app_pages_shop.cjs "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${PEOPLE:-600}" "${WEEKS:-9}" >"$folder/shop.ndjson"
"$footfall" >"$folder/said" 2>&1 &
server=$!
trap 'kill -TERM "$server"; wait "$server" || true; rm -rf "$folder"' EXIT
link=""
for _ in $(seq 400); do
  link="$(grep -o 'http[^ ]*first-owner#[A-Za-z0-9_-]*' "$folder/said" | head -n 1 || true)"
  if [ -n "$link" ]; then break; fi
  sleep 0.05
done
"$footfall" import --project shop "$folder/shop.ndjson"
PAGES_URL="http://localhost:$port" PAGES_LINK="$link" NODE_PATH="$cache/node/node_modules" timeout 400 node tests/sdk/budgets.cjs
