#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks. Quick when nothing is missing; may run any number of times.
#
# On Debian and Ubuntu it installs packages (with sudo when not root). Elsewhere it says what to install.
# FRAMEFAN_SKIP_APT=1: leave packages alone. FRAMEFAN_PYTHON set to another Python than .venv's: leave .venv alone.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  ffmpeg libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libavfilter-dev libavdevice-dev libswresample-dev
  build-essential clang libclang-dev pkg-config make python3 strace
)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root and there is no sudo; run as root: $*"
  fi
}

install_packages() {
  if [ "${FRAMEFAN_SKIP_APT:-}" = 1 ]; then
    return
  fi
  if ! command -v apt-get >/dev/null; then
    say "this is not Debian or Ubuntu; install the equivalents of: $* (FRAMEFAN_SKIP_APT=1 silences this)"
    return
  fi
  local missing=() package
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi
  say "installing ${missing[*]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
}

check_rust() {
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  if ! command -v cargo >/dev/null; then
    fail "there is no cargo: install Rust $wanted or newer from https://rustup.rs"
  fi
  found=$(rustc --version | cut -d' ' -f2)
  if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    fail "Rust $found is too old: install $wanted or newer (rustup update)"
  fi
}

# A Python that can make virtual environments: Debian's python3 cannot until python3-venv is there.
venv_python() {
  local candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

make_venv() {
  local stamp=.venv/requirements.txt python
  if [ -n "${FRAMEFAN_PYTHON:-}" ] && [ "$FRAMEFAN_PYTHON" != "$PWD/.venv/bin/python" ]; then
    return
  fi
  if cmp -s tests/requirements.txt "$stamp" && .venv/bin/python -c '' 2>/dev/null; then
    return
  fi
  python=$(venv_python)
  if [ -z "$python" ]; then
    install_packages python3-venv
    python=$(venv_python)
  fi
  if [ -z "$python" ]; then
    fail "there is no Python 3.11 or newer with the modules venv and ensurepip (on Debian and Ubuntu: python3-venv)"
  fi
  say "making .venv with $($python --version), for the tests' references"
  "$python" -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
  # Written last: a .venv without it is unfinished.
  cp tests/requirements.txt "$stamp"
}

# The checks that come from npm.
install_npm_packages() {
  local folder lock stamp
  PATH="$PATH:$(dirname "${FRAMEFAN_PYTHON:-$PWD/.venv/bin/python}")"
  for folder in statemachine infra/cdk; do
    lock=$folder/package-lock.json stamp=$folder/node_modules/.package-lock.stamp
    if [ ! -f "$lock" ] || cmp -s "$lock" "$stamp"; then
      continue
    fi
    say "installing npm packages of $folder"
    (cd "$folder" && npm ci --silent --no-audit --no-fund)
    cp "$lock" "$stamp"
  done
}

install_packages "${packages[@]}"
check_rust
make_venv
install_npm_packages
