#!/usr/bin/env bash
# Checks the types, runs the unit tests, builds, compares the built files with the committed ones, and measures the first load.
# `test.sh --write` commits to new built files. The walk in a browser is tests/sdk/app_pages.cjs.
set -euo pipefail
cd "$(dirname "$0")"
wanted="$(cat package.json package-lock.json | sha256sum | cut -d' ' -f1)"
if [ "$(cat node_modules/.wanted 2>/dev/null)" != "$wanted" ]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  echo "$wanted" >node_modules/.wanted
fi
node_modules/.bin/tsc --noEmit --project .
node_modules/.bin/vitest run --reporter=dot
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
node_modules/.bin/vite build --logLevel=warn --emptyOutDir --outDir "$folder/dist"
if [ "${1:-}" = --write ]; then
  rm -rf dist
  cp -r "$folder/dist" dist
fi
diff -rq dist "$folder/dist" || { echo "dist is not what the sources build to: test.sh --write" >&2; exit 1; }

# The budget of the first load: everything but the editor of the SQL page and the map of the places page, which come with those pages alone.
budget=250000
bytes=0
for file in dist/*; do
  if grep -qlE 'cm-editor|countries:\{type:|"countries":\{"type"' "$file"; then continue; fi
  bytes=$((bytes + $(gzip -c "$file" | wc -c)))
done
echo "first load, every page and the charts included: $bytes bytes compressed"
[ "$bytes" -le "$budget" ] || { echo "that is over the budget of $budget" >&2; exit 1; }
entry=0
for file in dist/index.html $(grep -o '/assets/app/[^"]*' dist/index.html | sed 's#/assets/app/#dist/#'); do
  entry=$((entry + $(gzip -c "$file" | wc -c)))
done
echo "first load without a page and charts: $entry bytes compressed"
