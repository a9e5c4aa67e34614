# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs programs for NVIDIA GPUs on the emulated driver, and checks their kernels with ptxas."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def make_driver(folder):
    """Builds libcuda.so.1 in `folder` (by the C compiler that QUERN_CLANG names)."""
    library = Path(folder) / "libcuda.so.1"
    subprocess.run([os.environ.get("QUERN_CLANG", "clang"), "-O1", "-shared", "-fPIC", str(HERE / "Inputs" / "emulated_driver.c"),
                    "-o", str(library)], check=True)
    return library


def run_program(program, inputs, driver, seed=0, capability=89, flags=(), emulator=None):
    """Runs a program; returns its outputs by name. Raises with what it has said."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), *flags]
        for i, (name, array) in enumerate(inputs.items()):
            path = Path(folder) / f"in{i}.npy"
            np.save(path, np.ascontiguousarray(array))
            command += ["--input", f"{name}={path}"]
        out = Path(folder) / "out"
        environment = dict(os.environ, LD_LIBRARY_PATH=str(Path(driver).parent), QUERN_CAPABILITY=str(capability),
                           QUERN_EMULATOR_SEED=str(seed), QUERN_EMULATOR=emulator or f"{sys.executable} {HERE / 'emulate_launches.py'}")
        result = subprocess.run(command + ["--output-dir", str(out)], capture_output=True, text=True, env=environment)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {result.returncode}\n{result.stderr}")
        return {path.stem: np.load(path) for path in out.glob("*.npy")}


# Warps of a block, rows by columns: what MmaTile::choose chooses among.
TILES = [(2, 4), (2, 2), (1, 4), (1, 2)]


def compile_with_tile(model, out, target, tile):
    """Compiles a model whose products on tensor cores have this tile, not the one that is estimated to be the fastest."""
    import onnx
    quern, stages = os.environ.get("QUERN", "quern"), Path(f"{out}-stages")
    onnx.save(model, f"{out}.onnx")
    subprocess.run([quern, "compile", f"{out}.onnx", "-o", str(out), f"--target={target}", f"--dump-stages={stages}"], check=True)
    path = next(stages.glob("*-dispatch.mlir"))
    text, count = re.subn(r"tile \{warp_columns = \d+ : i64, warp_rows = \d+ : i64\}",
                          f"tile {{warp_columns = {tile[1]} : i64, warp_rows = {tile[0]} : i64}}", path.read_text())
    if not count:
        raise RuntimeError("no product has a tile")
    path.write_text(text)
    subprocess.run([quern, "compile", str(path), "-o", str(out), f"--target={target}", "--start-from=dispatch"], check=True)
    return Path(out)


def find_ptxas():
    return os.environ.get("QUERN_PTXAS") or shutil.which("ptxas")


def check_kernels(ptx, chip):
    """Assembles PTX; returns for each kernel (registers, bytes spilled, bytes of stack). Raises with ptxas's words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code.ptx"
        path.write_text(ptx)
        result = subprocess.run([find_ptxas(), f"-arch={chip}", "-v", str(path), "-o", str(path) + ".cubin"], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(result.stderr + result.stdout)
    text = result.stderr + result.stdout
    kernels = {}
    for name, body in re.findall(r"Compiling entry function '(\w+)'(.*?)(?=Compiling entry|\Z)", text, flags=re.S):
        stack, stores, loads = map(int, re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", body).groups())
        kernels[name] = (int(re.search(r"Used (\d+) registers", body)[1]), stores + loads, stack)
    return kernels
