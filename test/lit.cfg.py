# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How lit runs Quern's tests: docs/testing.md lists the substitutions and features."""

import os
import shutil
import sys

import lit.formats

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import quern_lit  # noqa: E402  (next to this file)

config.name = "Quern"
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = os.path.dirname(os.path.abspath(__file__))
config.test_exec_root = os.path.join(config.quern_build_dir, "test")
config.suffixes = [".mlir", ".test"]
# unit/ is a suite of its own; Inputs/ holds what tests read.
config.excludes = ["Inputs", "unit"]

bin_dir = os.path.join(config.quern_build_dir, "bin")
quern_lit.set_environment(config, [bin_dir, config.quern_llvm_tools_dir])

# What AArch64 kernels are linked with to run under an emulator.
config.environment["QUERN_EMULATED_KERNEL"] = os.path.join(
    config.quern_build_dir, "test", "unit", "target", "emulated_kernel.o")

# A word boundary, or %quern would eat the start of %quern_opt.
for name, value in [
    ("quern", os.path.join(bin_dir, "quern")),
    ("quern_opt", os.path.join(bin_dir, "quern-opt")),
    ("python", config.quern_python),
    ("shared_data", config.quern_shared_data),
    ("source_dir", config.quern_source_dir),
    ("build_dir", config.quern_build_dir),
    ("clang", config.quern_c_compiler),
]:
    config.substitutions.append((f"%{name}\\b", value))

if config.quern_shared_data:
    config.available_features.add("shared-data")
if config.quern_sanitize:
    config.available_features.add("sanitizer")
if lit_config.params.get("nightly", "") not in ("", "0"):
    config.available_features.add("nightly")
config.available_features |= quern_lit.cpu_features()
# NVIDIA's assembler may lie outside of PATH.
ptxas = os.environ.get("QUERN_PTXAS") or shutil.which("ptxas")
if ptxas:
    config.available_features.add("ptxas")
    config.environment["QUERN_PTXAS"] = ptxas
for tool in ("qemu-aarch64", "aarch64-linux-gnu-gcc", "strace", "nvidia-smi"):
    if shutil.which(tool, path=config.environment["PATH"]):
        config.available_features.add(tool)
