#!/usr/bin/env bash
# Installs what the build and the whole-system tests need beyond Rust: C compilers, make, Perl, Python packages, Node packages, Chromium. Quick when all is there.
# With CI set, whatever cannot be had is an error; else the tests that need it say that they are skipped.
set -euo pipefail
cd "$(dirname "$0")"

cache="${FOOTFALL_TEST_CACHE:-$HOME/.cache/footfall-tests}"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

missing() {
  echo "install: $1" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
}

apt_packages=()
# What the build compiles from C: librdkafka, OpenSSL inside it, SQLite.
command -v cc >/dev/null || apt_packages+=(gcc libc6-dev)
command -v c++ >/dev/null || apt_packages+=(g++)
command -v make >/dev/null || apt_packages+=(make)
perl -MFindBin -MIPC::Cmd -MTime::Piece -e 1 2>/dev/null || apt_packages+=(perl)
command -v openssl >/dev/null || apt_packages+=(openssl)
command -v python3 >/dev/null || apt_packages+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || apt_packages+=(python3-venv)
command -v node >/dev/null || apt_packages+=(nodejs npm)
command -v curl >/dev/null || apt_packages+=(curl)
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || [ -n "${FOOTFALL_POSTGRES_BIN:-}" ] || apt_packages+=(postgresql)
command -v psql >/dev/null || apt_packages+=(postgresql-client)
command -v javac >/dev/null || apt_packages+=(openjdk-17-jdk-headless)
command -v pdftotext >/dev/null || apt_packages+=(poppler-utils)
command -v qpdf >/dev/null || apt_packages+=(qpdf)
command -v faketime >/dev/null || apt_packages+=(faketime)
command -v ip >/dev/null || apt_packages+=(iproute2)
command -v redis-server >/dev/null || apt_packages+=(redis-server)
command -v mvn >/dev/null || apt_packages+=(maven)
if [ ! -e "${FOOTFALL_CHROMIUM:-/usr/bin/chromium}" ]; then apt_packages+=(chromium); fi
if [ "${#apt_packages[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${apt_packages[@]}" >&2 ||
      missing "apt-get could not install ${apt_packages[*]}"
  else
    missing "not installed, and only root can install them: ${apt_packages[*]}"
  fi
fi

# A stamp holds the checksum of what was asked for; equal means installed.
wanted() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_installed() { [ "$(cat "$cache/$1.stamp" 2>/dev/null)" = "$2" ]; }

python_wanted="$(wanted sdk/requirements.txt)"
if command -v python3 >/dev/null && ! is_installed python "$python_wanted"; then
  if python3 -m venv --clear "$cache/venv" && "$cache/venv/bin/pip" install -q --disable-pip-version-check -r sdk/requirements.txt; then
    echo "$python_wanted" >"$cache/python.stamp"
  else
    missing "the Python packages could not be installed"
  fi
fi

node_wanted="$(wanted sdk/package.json sdk/package-lock.json)"
if command -v npm >/dev/null && ! is_installed node "$node_wanted"; then
  mkdir -p "$cache/node"
  cp sdk/package.json sdk/package-lock.json "$cache/node/"
  if (cd "$cache/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2); then
    echo "$node_wanted" >"$cache/node.stamp"
  else
    missing "the Node packages could not be installed"
  fi
fi

# The JDBC driver, for the single-file launcher of java.
jdbc=org.postgresql:postgresql:42.7.14
if command -v mvn >/dev/null && ! is_installed jdbc "$jdbc"; then
  if (cd "$cache" && mvn -q -B dependency:copy "-Dartifact=$jdbc" "-DoutputDirectory=$cache/java" -Dmdep.stripVersion=true >&2); then
    echo "$jdbc" >"$cache/jdbc.stamp"
  else
    missing "the JDBC driver could not be fetched"
  fi
fi
FOOTFALL_TEST_CACHE="$cache" ../dev/services/kafka install || missing "Apache Kafka could not be installed"
