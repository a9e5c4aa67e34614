#!/usr/bin/env bash
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Configures, builds and runs every test of Quern (third_party/setup.sh comes first), and ends with
# the line `N passed, N failed`.
#
# usage: test/run.sh [LIT ARGUMENTS AND FOLDERS, default: all tests]
#   QUERN_PRESET  the preset to test (dev)
#   QUERN_JOBS    parallel jobs (all cores)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=${QUERN_PRESET:-dev}
jobs=${QUERN_JOBS:-$(nproc)}
cd "$root"
if ! [ -x .venv/bin/cmake ]; then
  echo "test/run.sh: error: no .venv; run third_party/setup.sh first" >&2
  exit 1
fi
case $preset in
  dev) build=build ;;
  *) build=build-$preset ;;
esac

.venv/bin/cmake --preset "$preset" >/dev/null
ninja -C "$build" -j "$jobs" all quern_test_depends

report=$root/$build/test/report.xml
rm -f "$report"
arguments=("$@")
if [ ${#arguments[@]} -eq 0 ]; then
  arguments=("$build/test/unit" "$build/test")
fi
# lit's own status says nothing of skipped tests; summarize.py judges the report.
.venv/bin/lit -j "$jobs" --timeout 600 -v --xunit-xml-output "$report" \
  "${arguments[@]}" || true
shared=$(sed -n 's/^QUERN_SHARED_DATA:PATH=//p' "$build/CMakeCache.txt")
.venv/bin/python test/summarize.py --shared-data "$shared" "$report"
