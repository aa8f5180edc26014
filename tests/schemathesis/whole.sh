#!/usr/bin/env bash
# Puts the running program to the test by its OpenAPI document: as nobody, as the first owner, as a key with a few scopes.
set -euo pipefail
cd "$(dirname "$0")/../.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
folder="$(mktemp -d)"
for name in ADDRESS FLAGS ACCOUNT KEY; do export "FOOTFALL_LIMITS_$name=0"; done
FOOTFALL_DATA_DIR="$folder/data" FOOTFALL_LISTEN=127.0.0.1:0 FOOTFALL_TRACING_LEVEL=error "$target/debug/footfall" >"$folder/said" 2>&1 &
server=$!
trap 'kill -TERM "$server"; wait "$server" || true; rm -rf "$folder"' EXIT
said() { sed -nE "s|.*($1).*|\2|p" "$folder/said" | head -n 1; }
for _ in $(seq 200); do [ -n "$(said 'first-owner#(.*)')" ] && break; sleep 0.05; done
address="http://localhost:$(said 'listens on http://127.0.0.1:([0-9]+)')"
ask() { curl -sS --fail-with-body -H 'Content-Type: application/json' "$@"; }
field() { python3 -c 'import json, sys; value = json.load(sys.stdin)
for name in sys.argv[1:]: value = value[int(name) if name.isdigit() else name]
print(value)' "$@"; }
owner='{"secret": "'"$(said 'first-owner#(.*)')"'", "email": "owner@example.org", "name": "Olga",
  "password": "mein Rad hat drei Raeder", "organisation": "Example", "project": "default"}'
token="$(ask -d "$owner" "$address/v1/first-owner" | field access_token)"
organisation="$(ask -H "Authorization: Bearer $token" "$address/v1/organisations" | field items 0 id)"
scopes='{"name": "reader", "scopes": ["organisation.read", "members.read", "projects.read", "sql.run"]}'
key="$(ask -H "Authorization: Bearer $token" -d "$scopes" "$address/v1/organisations/$organisation/keys" | field key)"
# What signs the caller out would leave nothing to test; a stream has no end.
excluded=(--exclude-path /v1/sign-out --exclude-path /v1/account/sessions --exclude-path "/v1/account/sessions/{session}"
  --exclude-path "/v1/organisations/{organisation}/membership" --exclude-path /v1/account/step-up --exclude-path /v1/account/password
  --exclude-path /v1/account/email --exclude-path /v1/live --exclude-path "/v1/projects/{project}/live")
echo "== as nobody"
tests/schemathesis/run.sh "$address" "" "$@"
echo "== as a service key"
tests/schemathesis/run.sh "$address" "$key" "${excluded[@]}" "$@"
echo "== as the owner"
tests/schemathesis/run.sh "$address" "$token" "${excluded[@]}" "$@"
