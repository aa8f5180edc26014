#!/usr/bin/env bash
# Generates the types of the documents (the product's and the example's), compares them with the committed ones, and compiles the
# client with them. `test.sh --write` commits to new ones.
set -euo pipefail
cd "$(dirname "$0")"
wanted="$(cat package.json package-lock.json | sha256sum | cut -d' ' -f1)"
if [ "$(cat node_modules/.wanted 2>/dev/null)" != "$wanted" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  echo "$wanted" >node_modules/.wanted
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mode="${1:-}"

# generate DOCUMENT COMMITTED
generate() {
  node_modules/.bin/openapi-typescript "$1" --output "$folder/generated.d.ts" >/dev/null
  if [ "$mode" = --write ]; then cp "$folder/generated.d.ts" "$2"; fi
  diff -u "$2" "$folder/generated.d.ts" || { echo "$2 has drifted from $1: test.sh --write" >&2; exit 1; }
}

generate ../../docs/openapi.json src/schema.d.ts
generate ../../api/http/tests/notes/openapi.json test/notes.d.ts
node_modules/.bin/tsc --noEmit --project .
echo "the client compiles"
