#!/usr/bin/env bash
# Puts a running server to the test by its OpenAPI document: run.sh ADDRESS [TOKEN] [further arguments of schemathesis].
# Without a token (or with an empty one) it asks as nobody. Installs schemathesis into a virtual environment of its own.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
address="${1:?run.sh ADDRESS [TOKEN]}"
token="${2:-}"
shift $(($# < 2 ? $# : 2))

cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
venv="$cache/schemathesis"
mkdir -p "$cache"
wanted="$(sha256sum <"$here/requirements.txt" | cut -d' ' -f1)"
(
  flock 9
  if [ "$(cat "$venv.stamp" 2>/dev/null)" != "$wanted" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    echo "$wanted" >"$venv.stamp"
  fi
) 9>"$cache/schemathesis.lock"

header=()
if [ -n "$token" ]; then header=(--header "Authorization: Bearer $token"); fi
# Leaves nothing beside the sources.
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
"$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$address/openapi.json" "${header[@]}" \
  --checks all --continue-on-failure --generation-deterministic --max-examples "${EXAMPLES:-60}" --no-color "$@"
