# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the kernel of one dispatch on this machine, without the runtime.

A case is the text of a `quern.dispatch` in @main. The kernel is emitted by quern-opt, brought to a
shared library by MLIR's and LLVM's own tools, and called through ctypes on buffers that lie as the
encodings say. The programs are found by PATH. Kernels for AArch64 run under qemu-aarch64, where it
is installed, linked with the object file that QUERN_EMULATED_KERNEL names; of the targets, one: what
its kernels here share with the others is all but the inner products.
"""

import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import numpy as np

# The options of the back end, and what /proc/cpuinfo must list.
_ALL_TARGETS = {
    "x86-vnni": (["-march=x86-64-v4", "-mavx512vnni", "-mavx512vbmi"],
                 {"avx512bw", "avx512vl", "avx512_vnni", "avx512vbmi"}),
    "x86-avx2": (["-march=x86-64-v3"], {"avx2", "fma"}),
    "portable": (["-march=x86-64"], set()),
}
_FLAGS = set(pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
TARGETS = {name: options for name, (options, needed) in _ALL_TARGETS.items() if needed <= _FLAGS}
_EMULATED_KERNEL = os.environ.get("QUERN_EMULATED_KERNEL", "")
if shutil.which("qemu-aarch64") and os.path.exists(_EMULATED_KERNEL):
    TARGETS["arm-dotprod"] = ["--target=aarch64-unknown-linux-gnu", "-march=armv8.2-a+dotprod"]
LOWERING = (
    "--pass-pipeline=builtin.module(canonicalize,cse,convert-vector-to-scf,expand-strided-metadata,"
    "convert-scf-to-cf,convert-vector-to-llvm,finalize-memref-to-llvm,convert-math-to-llvm,"
    "convert-arith-to-llvm,convert-func-to-llvm{use-bare-ptr-memref-call-conv=1},"
    "convert-cf-to-llvm,reconcile-unrealized-casts)")
NUMPY = {"f32": np.float32, "ui8": np.uint8, "si8": np.int8, "si32": np.int32, "si64": np.int64,
         "ui16": np.uint16, "si16": np.int16}
SLACK = 64


class Tensor:
    """A tensor type: element, shape, and the halo or the packed bytes of its encoding."""

    def __init__(self, text):
        self.text = text
        inside = re.fullmatch(r"tensor<([^,]*?)(?:, (#quern\.(\w+)<(.*)>))?>", text)
        *shape, element = inside.group(1).split("x")
        self.shape, self.dtype = tuple(map(int, shape)), NUMPY[element]
        self.halo, self.bytes = None, None
        if inside.group(3) == "padded":
            self.halo = [int(part) for part in inside.group(4).split(",")]
        elif inside.group(3) == "packed":
            self.bytes = int(inside.group(4).split(",")[-1])

    def buffer(self, array=None, fill=0):
        """Memory of the tensor, with some elements more behind it."""
        if self.bytes:
            return np.full(self.bytes + SLACK, fill, np.int8)[:self.bytes]
        shape = list(self.shape)
        if self.halo:
            shape[1] += self.halo[0] + self.halo[2]
            shape[2] += self.halo[1] + self.halo[3]
        whole = np.full(int(np.prod(shape)) + SLACK, fill, self.dtype)
        view = whole[:int(np.prod(shape))].reshape(shape)
        if array is not None:
            self.inner(view)[...] = array
        return view

    def inner(self, view):
        if not self.halo:
            return view
        top, left = self.halo[:2]
        return view[:, top:top + self.shape[1], left:left + self.shape[2]]


def tensors(text):
    """The types in a comma-separated list."""
    return [Tensor(t) for t in re.findall(r"tensor<[^<>]*(?:<[^<>]*>)?[^<>]*>", text)]


def emit(dispatch, target):
    """The module with its kernel, the kernel's name and its number of units."""
    passes = [f"--plan-threads=target={target}", f"--emit-kernels=target={target}"]
    text = subprocess.run(["quern-opt", "-"] + passes, input=dispatch, text=True, check=True,
                          capture_output=True).stdout
    kernel = re.search(r"kernel = @(\w+)", text).group(1)
    units = int(re.search(r"quern\.units = (\d+)", text).group(1))
    return text, kernel, units


def build(text, kernel, target, folder):
    """A shared library of the kernel, or for AArch64 a program."""
    body = text[text.index(f"  func.func @{kernel}("):]
    lowered = subprocess.run(["mlir-opt", LOWERING], input="module {\n" + body, text=True,
                             check=True, capture_output=True).stdout
    ir = subprocess.run(["mlir-translate", "--mlir-to-llvmir"], input=lowered, text=True,
                        check=True, capture_output=True).stdout
    source, library = pathlib.Path(folder, "kernel.ll"), pathlib.Path(folder, "kernel.so")
    isEmulated = target.startswith("arm-")
    source.write_text(ir.replace(f"@{kernel}(", "@quern_test_kernel(") if isEmulated else ir)
    how = ["-shared", "-fPIC"]
    if isEmulated:
        how = ["-static", "-nostdlib", "-fuse-ld=lld", _EMULATED_KERNEL]
    subprocess.run(["clang", "-O2", "-fno-vectorize", "-fno-slp-vectorize", "-Wno-override-module",
                    "-ffp-contract=off", *how, *TARGETS[target], str(source),
                    *([] if isEmulated else ["-lm"]), "-o", str(library)], check=True)
    return library


def call(library, kernel, target, buffers, cuts):
    """Runs the kernel on units between the cuts."""
    if not target.startswith("arm-"):
        function = getattr(ctypes.CDLL(str(library)), kernel)
        pointers = [ctypes.c_void_p(b.ctypes.data) for b in buffers]
        for begin, end in cuts:
            function(*pointers, ctypes.c_int64(begin), ctypes.c_int64(end))
        return
    # The protocol of test/unit/target/Inputs/emulated_kernel.c: neighbouring cuts make a range.
    for begin, end in cuts:
        header = np.array([len(buffers), 2, *(b.nbytes for b in buffers), begin, end], np.int64)
        given = header.tobytes() + b"".join(b.tobytes() for b in buffers)
        out = subprocess.run(["qemu-aarch64", "-cpu", "max", str(library)], input=given, check=True,
                             capture_output=True).stdout
        for buffer in buffers:
            buffer[...] = np.frombuffer(out[:buffer.nbytes], buffer.dtype).reshape(buffer.shape)
            out = out[buffer.nbytes:]


def run(dispatch, inputs, target, resultCount):
    """The result buffers (halos included) of the dispatch for these dense inputs."""
    types = tensors(re.search(r"func\.func @main\((.*)\{", dispatch).group(1))
    text, kernel, units = emit(dispatch, target)
    with tempfile.TemporaryDirectory() as folder:
        library = build(text, kernel, target, folder)
        buffers = [t.buffer(a) for t, a in zip(types, inputs)]
        results = [t.buffer(fill=77) for t in types[len(inputs):]]
        assert len(results) == resultCount
        # In two calls, as two threads would.
        half = units // 2
        call(library, kernel, target, buffers + results, ((half, units), (0, half)))
        for result in results:
            whole = result if result.base is None else result.base
            whole = whole if whole.base is None else whole.base
            assert (whole[-SLACK:] == 77).all(), "wrote behind a result"
        return results
