#!/usr/bin/env bash
# Puts the API of the app to the test by its document: as nobody, as the first owner, as a key with a few scopes.
set -euo pipefail
cd "$(dirname "$0")/../.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
${CARGO:-cargo} build -q -p footfall-api-app -p footfall-features --example serve
exec 3< <(exec "$target/debug/examples/serve")
server=$!
trap 'kill -INT "$server"' EXIT
read -r told <&3
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$told" "$1"; }
address="$(field address)"
# What signs the caller out would leave nothing to test.
excluded=(--exclude-path /v1/sign-out --exclude-path /v1/account/sessions --exclude-path "/v1/account/sessions/{session}"
  --exclude-path "/v1/organisations/{organisation}/membership" --exclude-path /v1/account/step-up --exclude-path /v1/account/password
  --exclude-path /v1/account/email)
ask() {
  curl -sS --fail-with-body -H "Authorization: Bearer $(field token)" -H 'Content-Type: application/json' "$@"
}
organisation="$(ask "$address/v1/organisations" | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')"
scopes='{"name": "reader", "scopes": ["organisation.read", "members.read", "projects.read"]}'
key="$(ask -d "$scopes" "$address/v1/organisations/$organisation/keys" | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')"
echo "== as nobody"
tests/schemathesis/run.sh "$address" "" "$@"
echo "== as a service key"
tests/schemathesis/run.sh "$address" "$key" "${excluded[@]}" "$@"
echo "== as the owner"
tests/schemathesis/run.sh "$address" "$(field token)" "${excluded[@]}" "$@"
