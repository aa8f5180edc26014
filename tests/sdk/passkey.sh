#!/usr/bin/env bash
# A real browser against the API of the app: passkeys and cookie mode. Needs what tests/install.sh installs.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
target="${CARGO_TARGET_DIR:-$PWD/target}"
${CARGO:-cargo} build -q -p footfall-api-app -p footfall-features --example serve
exec 3< <(exec "$target/debug/examples/serve")
server=$!
trap 'kill -INT "$server"' EXIT
read -r told <&3
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$told" "$1"; }
APP_URL="$(field address)" APP_EMAIL="$(field email)" APP_PASSWORD="$(field password)" \
  NODE_PATH="$cache/node/node_modules" node tests/sdk/passkey.cjs
