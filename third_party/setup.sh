#!/usr/bin/env bash
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Prepares a Debian 12 machine to build and test Quern. Three steps, each skipped when it is
# already done, so running it again costs about a second:
#   1. the system packages of packages.txt (as root, or through sudo);
#   2. the Python environment .venv in the repository root, pinned by requirements.txt;
#   3. the official onnx C++ library, built from its pinned source distribution into
#      third_party/.deps/install.
# Nothing outside the repository is changed but the installed packages.
set -euo pipefail

onnx_version=1.22.0
onnx_sha256=ef40c0aaf0b643857ea9306fc7eddce17eaf9fb0407e4801f1fc5758443a38e0
onnx_options=(
  -DCMAKE_BUILD_TYPE=Release
  -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG"
  -DCMAKE_CXX_STANDARD=17
  -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  -DONNX_ML=ON
  -DONNX_BUILD_PYTHON=OFF
  -DONNX_GEN_PB_TYPE_STUBS=OFF
  -DONNX_USE_PROTOBUF_SHARED_LIBS=ON
)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
deps=$here/.deps
venv=$root/.venv

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
  command -v dpkg-query >/dev/null || die "this script is for Debian 12; see third_party/README.md"
  local wanted missing=() package
  mapfile -t wanted < <(grep -v '^#' "$here/packages.txt")
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "system packages: present"
    return
  fi
  say "system packages: installing ${missing[*]} (some minutes), log in third_party/.deps/apt.log"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "not root and no sudo; install by hand: ${missing[*]}"
    as_root=(sudo)
  fi
  # dpkg's report of every package would bury what the reader waits for.
  {
    "${as_root[@]}" apt-get update -qq &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >"$deps/apt.log" 2>&1 || {
    tail -n 30 "$deps/apt.log" >&2
    die "the system packages could not be installed"
  }
}

create_venv() {
  local want stamp=$venv/.requirements.sha256
  want=$(sha256sum <"$here/requirements.txt")
  if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
    say "python environment: present"
    return
  fi
  say "python environment: creating .venv"
  # Debian's own interpreter: another python3 earlier in PATH may lack venv.
  # venv adds pip last, so pip tells a whole environment from one that was interrupted.
  [ -x "$venv/bin/pip" ] || /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  printf '%s\n' "$want" >"$stamp"
}

download_onnx() {
  local archive=$deps/src/onnx-$onnx_version.tar.gz
  if ! [ -f "$archive" ]; then
    say "onnx $onnx_version: downloading the source distribution"
    "$venv/bin/pip" download --quiet --disable-pip-version-check --no-binary onnx --no-deps \
      --dest "$deps/src" "onnx==$onnx_version"
  fi
  if ! printf '%s  %s\n' "$onnx_sha256" "$archive" | sha256sum --check --quiet --strict; then
    rm -f "$archive"
    die "onnx $onnx_version: the source distribution does not have the pinned checksum"
  fi
  rm -rf "$deps/src/onnx-$onnx_version"
  tar -xzf "$archive" -C "$deps/src"
}

build_onnx() {
  local want stamp=$deps/install/.onnx-stamp
  want="$onnx_version $onnx_sha256 ${onnx_options[*]}"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
    say "onnx library: present"
    return
  fi
  mkdir -p "$deps/src"
  download_onnx
  local build=$deps/build/onnx jobs=${QUERN_SETUP_JOBS:-$(nproc)} launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  say "onnx $onnx_version: building with $jobs jobs (some minutes), log in third_party/.deps/onnx.log"
  rm -rf "$build" "$deps/install"
  {
    "$venv/bin/cmake" -G Ninja -S "$deps/src/onnx-$onnx_version" -B "$build" \
      -DCMAKE_INSTALL_PREFIX="$deps/install" -DPython3_EXECUTABLE="$venv/bin/python" \
      "${launcher[@]}" "${onnx_options[@]}" &&
      ninja -C "$build" -j"$jobs" install
  } >"$deps/onnx.log" 2>&1 || {
    tail -n 30 "$deps/onnx.log" >&2
    die "onnx $onnx_version: the build failed"
  }
  printf '%s\n' "$want" >"$stamp"
  rm -rf "$build" "$deps/src/onnx-$onnx_version"
}

mkdir -p "$deps"
# Two runs at once (an editor's task and a shell) would build into the same folder.
exec 9>"$deps/.lock"
flock 9

install_packages
create_venv
build_onnx
say "done; next: test/run.sh, or .venv/bin/cmake --preset dev && ninja -C build"
