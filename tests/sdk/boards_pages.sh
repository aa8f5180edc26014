#!/usr/bin/env bash
# A real browser walks through dashboards, sharing and saved questions of the built program; `footfall dashboards` brings files there and back.
# Needs what tests/install.sh installs. SCREENS=FOLDER keeps pictures.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/sdk/served.sh
shop
start
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

PAGES_DATABASE="$database" PAGES_PYTHON="$python" PAGES_LINK="$(owner_link)" walk boards_pages.cjs
