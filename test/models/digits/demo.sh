#!/usr/bin/env bash
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Builds the compiler, compiles the shipped digits model for this machine and classifies the shipped
# images with the program that comes out. usage: test/models/digits/demo.sh   (after third_party/setup.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
cd "$root"
.venv/bin/cmake --preset dev >/dev/null
.venv/bin/cmake --build build --target quern
build/bin/quern compile "$here/digits.onnx" -o build/digits
ls -l build/digits
.venv/bin/python "$here/classify.py" build/digits "$here"/samples/*.png
