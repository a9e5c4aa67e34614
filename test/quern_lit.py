# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the lit configurations of test/ and test/unit/ share."""

import os
import platform

# The kernel's name for a CPU feature, and the one that tests ask for with REQUIRES.
_CPU_FEATURES = {
    "avx2": "avx2",
    "fma": "fma",
    "avx512f": "avx512f",
    "avx512bw": "avx512bw",
    "avx512_vnni": "avx512vnni",
    "avx512vbmi": "vbmi",
    "avx_vnni": "avxvnni",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
}


def cpu_features():
    """The lit features that this machine's CPU gives: avx512vnni, vbmi, i8mm and so on."""
    features = {platform.machine().replace("_", "-")}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            for line in cpuinfo:
                if line.lower().startswith(("flags", "features")):
                    flags = line.split(":", 1)[1].split()
                    return features | {_CPU_FEATURES[f] for f in flags if f in _CPU_FEATURES}
    except OSError:
        pass
    return features


def set_environment(config, path):
    """Puts `path` in front of PATH and tells tests where the shared data lies."""
    config.environment["PATH"] = os.pathsep.join(path + [config.environment["PATH"]])
    config.environment["QUERN_SHARED_DATA"] = config.quern_shared_data
    config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    if config.quern_sanitize:
        # LLVM's allocators poison memory from inlined code that the library's uninstrumented half
        # does not unpoison. The shared MLIR keeps registries alive, which is no leak of ours.
        config.environment["ASAN_OPTIONS"] = "allow_user_poisoning=0:detect_leaks=0"
        config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
