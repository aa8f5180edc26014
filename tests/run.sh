#!/usr/bin/env bash
# All tests: what `make test` runs. Ends with one line `N passed, N failed, N skipped` over all of them.
set -uo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
export CARGO_TARGET_DIR="$target"
reports="$(mktemp -d)"
trap 'rm -rf "$reports"' EXIT
passed=0 failed=0 skipped=0

# Runs NAME COMMAND…: says how long it took, or shows the end of its output.
tried() {
  local name="$1"
  shift
  started=$SECONDS
  if "$@" >"$reports/step" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $name ($((SECONDS - started)) s)"
    return
  fi
  tail -n 80 "$reports/step"
  return 1
}

# A step that is one test: its output is shown where it fails.
step() {
  tried "$@" && return
  failed=$((failed + 1))
  echo "FAILED: $1 ($((SECONDS - started)) s)"
}

# A walk in a browser: what fails once is tried once more, and said to be so.
walk() {
  tried "$@" && return
  echo "again: $1, after $((SECONDS - started)) s"
  step "$1, at the second try" "${@:2}"
}

skip() {
  if [ -n "${CI:-}" ]; then
    failed=$((failed + 1))
    echo "FAILED: $1 (with CI set, nothing may be skipped)"
  else
    skipped=$((skipped + 1))
    echo "skipped: $1"
  fi
}

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
  exit
}

step "install what the tests need" tests/install.sh
step "format" cargo fmt --all --check
# In CI everything is compiled and linted in one step (tests/ci.toml); a developer lints by `make lint`.
export CARGO="${CARGO:-cargo}"
if [ -n "${CI:-}" ]; then
  CARGO="cargo --config $PWD/tests/ci.toml"
  step "build and lint every target" timeout 4200 $CARGO test --workspace --all-targets --no-run
fi
# The features of the whole workspace are those of its tests: in CI nothing is compiled again for the program alone.
program=(--package footfall)
[ -z "${CI:-}" ] || program=(--workspace --bins --features footfall-pipelines-insights/reference)
step "build footfall" timeout 4800 $CARGO build "${program[@]}"
[ -x "$target/debug/footfall" ] || finish

# Every test of every package. Its own summary lines are shown; all of its output where something failed.
# Deep futures take more stack where the code is not optimised.
export RUST_MIN_STACK=16777216
started=$SECONDS
timeout 3600 $CARGO test --workspace --no-fail-fast >"$reports/tests" 2>&1
status=$?
grep -E '^ *(Running|Doc-tests)|^test result:|^skipped: |^seed of|^crash: |^tidy: ' "$reports/tests"
if [ "$status" != 0 ]; then
  grep -E '^test .* FAILED$' "$reports/tests"
  sed -n '/^failures:/,/^test result:/p' "$reports/tests" | tail -c 20000
  grep -qE '^test result: FAILED' "$reports/tests" || { tail -n 60 "$reports/tests"; failed=$((failed + 1)); }
fi
echo "cargo test: $((SECONDS - started)) s"
# What failed is run once more by itself. That a test needed it is said, and is a fault to be found. An account that does not come out
# (tests/it/crash.rs) is a fault that was found: it has no second try.
mapfile -t again < <(sed -nE 's/^test (.*) \.\.\. FAILED$/\1/p' "$reports/tests" | grep -v ' - should panic$' | sort -u)
mended=0
if grep -qE 'acknowledged and lost: |acknowledged are gone: |something is there twice|never sent: ' "$reports/tests"; then
  echo "an account did not come out: nothing is tried again"
elif [ "$status" != 0 ] && [ "${#again[@]}" -gt 0 ] && [ "${#again[@]}" -le 5 ]; then
  echo "again: ${again[*]}"
  if timeout 1200 $CARGO test --workspace --no-fail-fast --lib --bins --tests -- --exact "${again[@]}" >"$reports/again" 2>&1 \
    && [ "$(grep -cE '^test .* \.\.\. ok$' "$reports/again")" -ge "${#again[@]}" ]; then
    mended="$(grep -cE '^test .* \.\.\. FAILED$' "$reports/tests")"
    for name in "${again[@]}"; do echo "ok at the second try: $name"; done
  else
    grep -E '^test .* (ok|FAILED)$' "$reports/again"
    sed -n '/^failures:/,/^test result:/p' "$reports/again" | tail -c 10000
  fi
fi
while read -r p f i; do
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + i))
done < <(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;.*/\1 \2 \3/p' "$reports/tests")
passed=$((passed + mended)) failed=$((failed - mended))
# A test that skips itself has been counted as passed.
own_skips=$(grep -c '^skipped: ' "$reports/tests")
passed=$((passed - own_skips)) skipped=$((skipped + own_skips))

if command -v python3 >/dev/null; then
  step "links of the documents" timeout 60 python3 tests/links.py
  step "commands of the documents" timeout 900 python3 tests/snippets.py "$target/debug/footfall"
else
  skip "links and commands of the documents: no python3"
fi

if command -v python3 >/dev/null; then
  step "the notebooks, from a clean environment" timeout 600 notebooks/test.sh "$target/debug/footfall"
else
  skip "the notebooks: no python3"
fi

if command -v npm >/dev/null; then
  step "the TypeScript client compiles" timeout 600 dashboards/client/test.sh
  step "the web application: types, units, and what is built in is what the sources build to" timeout 900 dashboards/app/test.sh
else
  skip "the TypeScript client and the web application: no npm"
fi

chromium="${FOOTFALL_CHROMIUM:-/usr/bin/chromium}"
if [ -d "${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}/node/node_modules/playwright-core" ] && [ -e "$chromium" ]; then
  walk "a passkey and cookies in a real browser" timeout 900 tests/sdk/passkey.sh
  walk "a walk through the web application in a real browser" timeout 1800 tests/sdk/app_pages.sh
  walk "a walk through dashboards in a real browser" timeout 900 tests/sdk/boards_pages.sh
else
  skip "a passkey, cookies and the web application in a real browser: no Chromium, see tests/install.sh"
fi

# The same tests on six processes; tests/services.sh alone runs all of them, some ten minutes.
step "whole-system tests on six processes each (a few)" timeout 900 tests/services.sh quick

# Long, or with a build of their own: a developer runs them by their names.
if [ -n "${CI:-}" ]; then
  step "fuzz every parser" timeout 1200 tests/fuzz/run.sh 10
  EXAMPLES=20 step "schemathesis on the API of the app" timeout 1800 tests/schemathesis/app.sh
  step "schemathesis on the API's conventions" timeout 900 tests/schemathesis/notes.sh
fi

finish
