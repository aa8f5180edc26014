#!/usr/bin/env bash
# Runs the notebooks from a clean environment against a server with demo data. Usage: test.sh PATH-OF-FOOTFALL [FOLDER]
# With FOLDER the executed copies are kept there.
set -euo pipefail
footfall="$(realpath "$1")"
cd "$(dirname "$0")"

work="$(mktemp -d)"
server=""
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; fi
  rm -rf "$work"
}
trap cleanup EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt
cp -r footfall_client "$work/client"
"$work/venv/bin/pip" install -q --disable-pip-version-check "$work/client[notebooks]"
python="$work/venv/bin/python"

port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
http="127.0.0.1:$(port)" flight="127.0.0.1:$(port)"
export FOOTFALL_DATA_DIR="$work/data"
export FOOTFALL_LIMITS_ADDRESS=0 FOOTFALL_LIMITS_ACCOUNT=0 FOOTFALL_LIMITS_KEY=0
write="$("$footfall" keys create --kind write)"
FOOTFALL_LISTEN="$http" FOOTFALL_FLIGHT_LISTEN="$flight" "$footfall" >"$work/server" 2>&1 &
server=$!
for _ in $(seq 600); do
  curl -sf "http://$http/readyz" >/dev/null && break
  kill -0 "$server"
  sleep 0.1
done
"$footfall" demo --days 30 --per-day 400 --people 400 --total 0 --to "http://$http" --key "$write" >"$work/demo" 2>&1
link="$(grep -o 'http[^ ]*first-owner#[^ ]*' "$work/server" | tail -1)"
key="$("$python" prepare.py "http://$http" "$write" "$link")"
asked='{"sql": "SELECT count(*) FROM activity WHERE event = $1", "params": ["$feature_flag_called"]}'
for _ in $(seq 300); do
  curl -sf "http://$http/v1/projects/default/sql" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$asked" |
    grep -q '\[600\]' && break
  sleep 0.1
done
FOOTFALL_URL="http://$http" FOOTFALL_FLIGHT_URL="grpc://$flight" FOOTFALL_KEY="$key" "$python" run.py "${2:-$work/executed}"
