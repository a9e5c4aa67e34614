#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the quantized models of the shared data's bench/make_models.py, each only once.

usage: make_models.py SHARED OUT [NAME...]

Writes OUT/NAME_fp32.onnx and OUT/NAME_qdq.onnx (default: all). Several tests may ask at once: the
first makes the models while the others wait. A change of the maker makes them anew.
"""
import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

NAMES = ["mobilenetv2", "resnet50", "vit_s", "bert_base", "mlp"]


def main():
    maker, out = Path(sys.argv[1]) / "bench" / "make_models.py", Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(maker.read_bytes()).hexdigest()
    with open(out / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in sys.argv[3:] or NAMES:
            stamp = out / f".{name}"
            if stamp.exists() and stamp.read_text() == digest:
                continue
            subprocess.run([sys.executable, str(maker), str(out), name], check=True)
            stamp.write_text(digest)


if __name__ == "__main__":
    main()
