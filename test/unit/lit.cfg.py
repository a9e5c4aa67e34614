# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the GoogleTest programs of the build: each TEST counts as one lit test."""

import os
import sys

import lit.formats

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import quern_lit  # noqa: E402

config.name = "Quern-Unit"
config.test_source_root = os.path.join(config.quern_build_dir, "test", "unit")
config.test_exec_root = config.test_source_root
config.test_format = lit.formats.GoogleTest("bin", "Tests")
quern_lit.set_environment(config, [config.quern_llvm_tools_dir])
