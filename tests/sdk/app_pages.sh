#!/usr/bin/env bash
# A real browser walks through the web application of the built program, with a shop's nine weeks in it. Needs what tests/install.sh installs.
# SCREENS=FOLDER keeps pictures. An experiment needs weeks: it is made and started by hand, and its beginning is then moved back in the database
# of the stopped program, so that the shop's weeks lie in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
footfall="${CARGO_TARGET_DIR:-$PWD/target}/debug/footfall"
folder="$(mktemp -d)"
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
for name in ADDRESS FLAGS ACCOUNT KEY; do export "FOOTFALL_LIMITS_$name=0"; done
# `localhost`: passkeys and cookies are bound to names.
export FOOTFALL_DATA_DIR="$folder/data" FOOTFALL_LISTEN="127.0.0.1:$port" FOOTFALL_PROJECT=shop
export FOOTFALL_SERVER_PUBLIC_URL="http://localhost:$port" FOOTFALL_TRACING_LEVEL=error
server=""
start() {
  "$footfall" >>"$folder/said" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    if curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null; then return; fi
    sleep 0.05
  done
  echo "the program is not ready" >&2
  exit 1
}
stop() {
  kill -TERM "$server" && wait "$server" || true
  server=""
}
trap '[ -z "$server" ] || stop; rm -rf "$folder"' EXIT
walk() { NODE_PATH="$cache/node/node_modules" PAGES_URL="http://localhost:$port" timeout 600 node "tests/sdk/$1" | tee "$folder/answer"; }

node tests/sdk/app_pages_shop.cjs "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$folder/shop.ndjson"
# Two items that nobody can read.
printf '%s\n' '{"type": "track", "userId": "person-0001"}' '{"type": "track", "event": "", "userId": "person-0002"}' >>"$folder/shop.ndjson"
start
"$footfall" import --project shop "$folder/shop.ndjson"
PAGES_LINK="$(grep -o 'http[^ ]*first-owner#[A-Za-z0-9_-]*' "$folder/said" | head -n 1)" walk app_pages_made.cjs
stop
python3 - "$folder/data/footfall.db" <<'PY'
import json, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
key = ("shop", "experiment", "checkout-button")
where = "WHERE project_id = ? AND kind = ? AND item_key = ?"
(state,) = database.execute(f"SELECT state FROM flag_definitions {where}", key).fetchone()
state = json.loads(state)
assert state["status"] == "running", state
weeks = database.execute("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-35 days')").fetchone()[0]
state["phases"][0]["started_at"] = weeks
database.execute(f"UPDATE flag_definitions SET state = ? {where}", (json.dumps(state), *key))
database.commit()
PY
start
no_faults() {
  python3 -c 'import json, sys
said = json.loads(sys.argv[1])
assert said["walked"] and not said["consoleErrors"] and not said["pageErrors"], said' "$(tail -n 1 "$folder/answer")"
}
for pages in app_pages.cjs insights_pages.cjs sql_pages.cjs resilience_pages.cjs; do
  walk "$pages"
  no_faults
done
