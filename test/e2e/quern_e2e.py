# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the end-to-end tests share: compile a model, run the program, compare tensors."""
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx

QUERN = os.environ.get("QUERN", "quern")


def host_targets():
    """The CPU targets whose programs this machine can run, the reference last."""
    flags = set()
    if platform.machine() == "x86_64":
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            flags = set(next((line for line in cpuinfo if line.startswith("flags")), "").split())
    targets = ["x86-vnni"] if {"avx512f", "avx512bw", "avx512vl", "avx512_vnni"} <= flags else []
    return targets + (["x86-avx2"] if {"avx2", "fma"} <= flags else []) + ["portable"]


ARM_TARGETS = ["arm-dotprod", "arm-i8mm", "arm-neon"]


def arm_targets():
    """The ARM targets whose programs run here: natively, or under qemu-aarch64."""
    if platform.machine() == "aarch64":
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            flags = set(cpuinfo.read().split())
        needed = {"arm-dotprod": {"asimddp"}, "arm-i8mm": {"asimddp", "i8mm"}, "arm-neon": set()}
        return [t for t in ARM_TARGETS if needed[t] <= flags]
    return ARM_TARGETS if shutil.which("qemu-aarch64") else []


def launcher(program, cpu="max"):
    """What starts a program: nothing, or an emulator of the AArch64 processor `cpu`."""
    header = Path(program).read_bytes()[:20]
    foreign = header[:4] == b"\x7fELF" and header[18:20] == b"\xb7\0" and platform.machine() != "aarch64"
    return ["qemu-aarch64", "-cpu", cpu] if foreign else []


def compile_model(model, out, target="native", flags=()):
    """Compiles an ONNX file (or ModelProto) to an executable; raises with the compiler's words."""
    if not isinstance(model, (str, Path)):
        path = Path(f"{out}.onnx")
        onnx.save(model, path)
        model = path
    command = [QUERN, "compile", str(model), "-o", str(out), f"--target={target}", *flags]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {result.returncode}\n{result.stderr}")
    return Path(out)


def file_name(tensor):
    return tensor.replace("/", "_").replace(":", "_")


def plain_bytes(array):
    """The array as .npy files hold it: some 8-bit floats of ml_dtypes call themselves f1, which NumPy cannot read."""
    return array.view("V1") if array.dtype.kind == "f" and array.dtype.itemsize == 1 else array


def run_program(program, inputs, threads=1, cpu="max"):
    """Runs a compiled model on a dict of arrays; returns a dict of arrays. `cpu` is what qemu emulates."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*launcher(program, cpu), str(program)]
        for i, (name, array) in enumerate(inputs.items()):
            path = Path(folder) / f"in{i}.npy"
            np.save(path, plain_bytes(np.asarray(array, order="C")))
            command += ["--input", f"{name}={path}"]
        out = Path(folder) / "out"
        command += ["--output-dir", str(out)]
        if threads > 1:
            command.append(f"--threads={threads}")
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {result.returncode}\n{result.stderr}")
        return {path.stem: np.load(path) for path in out.glob("*.npy")}


def sqnr(reference, value):
    """Signal to noise in dB of `value` against \`reference\`."""
    reference = np.asarray(reference, np.float64)
    noise = np.sum((reference - np.asarray(value, np.float64)) ** 2)
    signal = np.sum(reference**2)
    return float("inf") if noise == 0 else 10 * np.log10(signal / noise)


def session(path, optimized=True):
    """ONNX Runtime on one thread, with or without its graph optimizations."""
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
