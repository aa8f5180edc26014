# What the walks in a browser share: the built program on a folder of its own, with a made-up shop's activity to import. Sourced from the
# repository's root; needs what tests/install.sh installs. `$folder` and the program are gone at the end.
cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
footfall="${FOOTFALL_PROGRAM:-${CARGO_TARGET_DIR:-$PWD/target}/debug/footfall}"
# The program takes every such name for a setting.
export -n FOOTFALL_PROGRAM FOOTFALL_TEST_CACHE
folder="$(mktemp -d)"
# Below the ports that the system gives to clients: one of those may be taken by the time the program asks for it.
port="$(python3 - <<'PY'
import random, socket
while True:
    port = random.randrange(18000, 32000)
    try:
        socket.create_server(("127.0.0.1", port)).close()
        break
    except OSError:
        pass
print(port)
PY
)"
for name in ADDRESS FLAGS ACCOUNT KEY; do export "FOOTFALL_LIMITS_$name=0"; done
# `localhost`: passkeys and cookies are bound to names.
export FOOTFALL_DATA_DIR="$folder/data" FOOTFALL_LISTEN="127.0.0.1:$port" FOOTFALL_PROJECT=shop
export FOOTFALL_SERVER_PUBLIC_URL="http://localhost:$port" FOOTFALL_TRACING_LEVEL=error
export PAGES_URL="http://localhost:$port" NODE_PATH="$cache/node/node_modules"
database="$folder/data/footfall.db" python="$cache/venv/bin/python"
server=""

# becomes_ready NAME ADDRESS PROCESS: waits for it, or ends with what was said.
becomes_ready() {
  for _ in $(seq 2400); do
    if curl -fsS -o /dev/null "$2/readyz" 2>/dev/null; then return; fi
    if ! kill -0 "$3" 2>/dev/null; then break; fi
    sleep 0.05
  done
  echo "$1 is not ready:" >&2
  tail -n 20 "$folder/said" >&2
  exit 1
}

start() {
  "$footfall" >>"$folder/said" 2>&1 &
  server=$!
  becomes_ready "the program" "http://127.0.0.1:$port" "$server"
}

stop() {
  { kill -TERM "$server" && wait "$server"; } 2>/dev/null || true
  server=""
}
if [ "${FOOTFALL_TEST_STORE:-}" = services ]; then . tests/sdk/served_services.sh; fi
trap '[ -z "$server" ] || stop; rm -rf "$folder"' EXIT

# The address under which the first account is made.
owner_link() { grep -o 'http[^ ]*first-owner#[A-Za-z0-9_-]*' "$folder/said" | tail -n 1; }

shop() { node tests/sdk/app_pages_shop.cjs "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$@" >"$folder/shop.ndjson"; }

# Walks, and fails where the walk does, or the pages wrote a fault to the console.
walk() {
  timeout 1800 node "tests/sdk/$1" | tee "$folder/answer"
  python3 -c 'import json, sys
said = json.loads(sys.argv[1])
assert not said.get("consoleErrors") and not said.get("pageErrors"), said' "$(tail -n 1 "$folder/answer")"
}
