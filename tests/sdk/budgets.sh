#!/usr/bin/env bash
# Measures the web application in Chromium: what the first load weighs, when it can be used on a slow processor, frames while tiles are dragged and
# a long table is scrolled, and a dashboard of twelve tiles. Fails only where the weight is over its budget; times are printed.
# PEOPLE and WEEKS: how large the shop is (600 and 9). Needs what tests/install.sh installs, and `cargo build -p footfall`.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/sdk/served.sh
shop "${PEOPLE:-600}" "${WEEKS:-9}"
start
"$footfall" import --project shop "$folder/shop.ndjson"
PAGES_LINK="$(owner_link)" timeout 1800 node tests/sdk/budgets.cjs
