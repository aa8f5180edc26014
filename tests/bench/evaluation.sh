#!/usr/bin/env bash
# Evaluations of flags a second on one core, ours and those of GrowthBook's SDK for JavaScript, in one run: a table in Markdown.
#   tests/bench/evaluation.sh [SECONDS for each rule]
set -euo pipefail
cd "$(dirname "$0")/../.."

sdk="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}/node"
if ! [ -d "$sdk/node_modules/@growthbook/growthbook" ]; then
  echo "no packages of Node; tests/install.sh installs them" >&2
  exit 69
fi
exec "${CARGO:-cargo}" bench --package footfall-models-experiment --bench assign -- "${1:-2}" --sdk "$sdk"
