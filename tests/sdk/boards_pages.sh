#!/usr/bin/env bash
# A real browser walks through dashboards, sharing and saved questions of the built program; `footfall dashboards` brings files there and back.
# Needs what tests/install.sh installs. SCREENS=FOLDER keeps pictures.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
footfall="${CARGO_TARGET_DIR:-$PWD/target}/debug/footfall"
folder="$(mktemp -d)"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
for name in ADDRESS FLAGS ACCOUNT KEY; do export "FOOTFALL_LIMITS_$name=0"; done
export FOOTFALL_DATA_DIR="$folder/data" FOOTFALL_LISTEN="127.0.0.1:$port" FOOTFALL_PROJECT=shop
export FOOTFALL_SERVER_PUBLIC_URL="http://localhost:$port" FOOTFALL_TRACING_LEVEL=error
node tests/sdk/app_pages_shop.cjs "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$folder/shop.ndjson"
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

# Files there and back, byte for byte, with comments, odd spaces and a missing newline at the end.
mkdir "$folder/boards"
printf '# Ours \nfootfall:   dashboard/1\ntitle: "From a file"   # é\ntiles: []' >"$folder/boards/from-a-file.yaml"
"$footfall" dashboards apply "$folder/boards/from-a-file.yaml" | grep -qx 'from-a-file: made'
"$footfall" dashboards apply "$folder/boards/from-a-file.yaml" | grep -qx 'from-a-file: unchanged'
"$footfall" dashboards export --to "$folder/exported" >/dev/null
cmp "$folder/boards/from-a-file.yaml" "$folder/exported/from-a-file.yaml"
for file in dashboards/built-in/*.yaml; do cmp "$file" "$folder/exported/$(basename "$file")"; done
printf 'footfall: dashboard/1\ntitle: x\ntiles:\n  - {id: a, x: 0, y: 0, width: 3, height: 3, ask: {sql: "SELECT $who"}}\n' >"$folder/boards/wrong.yaml"
if "$footfall" dashboards apply "$folder/boards/wrong.yaml" 2>"$folder/refused"; then echo "a wrong file was applied" >&2; exit 1; fi
grep -q 'names \$who.*line 4' "$folder/refused" || { cat "$folder/refused" >&2; exit 1; }

said="$(PAGES_URL="http://localhost:$port" PAGES_LINK="$link" NODE_PATH="$cache/node/node_modules" timeout 400 node tests/sdk/boards_pages.cjs)"
echo "$said"
python3 -c 'import json, sys
said = json.loads(sys.argv[1])
assert said["walked"] and not said["consoleErrors"] and not said["pageErrors"], said' "$said"
