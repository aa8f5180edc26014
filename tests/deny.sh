#!/usr/bin/env bash
# Licences, bans, sources and doubles of everything that is built in (deny.toml), by cargo-deny. Installs it where it is missing,
# which takes minutes. Advisories as well where the database of RustSec can be reached: ADVISORIES=1.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
export PATH="$cache/cargo/bin:$PATH"
if ! command -v cargo-deny >/dev/null; then
  # Built without optimisation: it runs for seconds.
  CARGO_TARGET_DIR="$cache/cargo/target" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0 \
    cargo install --debug --quiet --locked --root "$cache/cargo" "cargo-deny@$version"
  rm -rf "$cache/cargo/target"
fi
checks=(licenses bans sources)
if [ -n "${ADVISORIES:-}" ]; then checks+=(advisories); else echo "advisories are not looked at: ADVISORIES=1 does"; fi
cargo deny --all-features check --hide-inclusion-graph "${checks[@]}"
