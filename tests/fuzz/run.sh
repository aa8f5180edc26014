#!/bin/sh
# Fuzzes every target (or those named after SECONDS) for SECONDS each: tests/fuzz/run.sh 30 [native posthog_v0 …]
# cargo-fuzz wants unstable compiler flags; RUSTC_BOOTSTRAP lets the stable compiler take them.
set -eu
cd "$(dirname "$0")"
seconds="${1:-30}"
[ $# -gt 0 ] && shift
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked --debug cargo-fuzz
export RUSTC_BOOTSTRAP=1
targets="${*:-$(sed -n 's/^name = "\([a-z0-9_]*\)"$/\1/p' Cargo.toml)}"
for target in $targets; do
    echo "fuzzing $target for $seconds s"
    mkdir -p "corpus/$target"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1
done
