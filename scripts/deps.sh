#!/usr/bin/env bash
# Installs the Debian packages that building, testing and formatting mica needs, and those named as
# arguments, where they are missing. Does nothing, and uses no network, when all are there.
set -euo pipefail

packages=(
  clang-format
  cmake
  dpkg-dev
  file
  g++
  libbenchmark-dev
  libcli11-dev
  libdnnl-dev
  libfmt-dev
  libgtest-dev
  libhwy-dev
  libkissfft-dev
  liblapacke-dev
  libopenblas-openmp-dev
  libpcre2-dev
  libpng-dev
  libturbojpeg0-dev
  libutf8proc-dev
  libzip-dev
  make
  ninja-build
  nlohmann-json3-dev
  pkgconf
  python3
  python3-venv
  zlib1g-dev
  "$@"
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "deps.sh: not a Debian-like system: install the equivalents of ${packages[*]}" >&2
  exit 1
fi

installed=$(dpkg-query -W -f '${binary:Package} ${db:Status-Abbrev}\n' "${packages[@]}" \
  2>/dev/null | sed -n 's/\(:[a-z0-9]*\)\? ii *$//p' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "deps.sh: needs root or sudo to install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

apt() {
  local log
  if ! log=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" 2>&1); then
    echo "$log" >&2
    echo "deps.sh: apt-get $1 failed; the packages needed are ${missing[*]}" >&2
    exit 1
  fi
}

echo "installing ${missing[*]}"
apt update
apt install --yes --no-install-recommends "${missing[@]}"
