#!/usr/bin/env bash
# Puts the example of the API's conventions to the test: as nobody, as somebody who may all, as somebody who may read.
set -euo pipefail
cd "$(dirname "$0")/../.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
${CARGO:-cargo} build -q -p footfall-api-http -p footfall-features --example notes
exec 3< <(exec "$target/debug/examples/notes")
server=$!
trap 'kill -INT "$server"' EXIT
read -r address <&3
for token in "" ada eve; do
  echo "== as ${token:-nobody}"
  tests/schemathesis/run.sh "$address" "$token"
done
