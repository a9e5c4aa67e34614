# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs PTX on a CPU, lane by lane, as strictly as the instruction set allows.

- The warps of a block run one after the other from barrier to barrier, in an order that changes with every
  barrier: what one needs of another without waiting for it is not there.
- Shared memory starts as garbage; what cp.async copies is garbage until it is waited for.
- An access outside of the allocations given, or across their ends, or not aligned to its size is an error, as is a
  warp's instruction that not all of its lanes have reached.
- Tensor cores add 8-bit floats as those of sm_89 and sm_90 do: products and sum are aligned to the largest exponent and
  cut off 13 bits below (MMA-Sim, arXiv 2511.10909); integers exactly.

Registers are arrays over the lanes that run together: one warp of each of many blocks.
"""
import re

import numpy as np

import ptx_module

LANES = 32
LOCAL_BASE = 1 << 50  # of a lane's own memory among generic addresses
GARBAGE = 0xA5
UNSIGNED = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
SIGNED = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}
FLOAT = {32: np.float32, 64: np.float64, 16: np.float16}


class EmulationError(Exception):
    pass


def numpy_type(name):
    bits = int(name[1:])
    return {"f": FLOAT, "s": SIGNED, "u": UNSIGNED, "b": UNSIGNED}[name[0]][bits]


def code_values(kind):
    """The 256 values of an 8-bit code type, as float64."""
    if kind in ("s8", "u8"):
        return np.arange(256, dtype=np.uint8).view(numpy_type(kind)).astype(np.float64)
    mantissa, bias = (3, 7) if kind == "e4m3" else (2, 15)
    code = np.arange(256)
    exponent, fraction = (code & 127) >> mantissa, code & ((1 << mantissa) - 1)
    value = np.where(exponent == 0, np.ldexp(fraction * 1.0, 1 - bias - mantissa),
                     np.ldexp((fraction + (1 << mantissa)) * 1.0, exponent - bias - mantissa))
    if kind == "e4m3":
        value[(code & 127) == 127] = np.nan
    else:
        value[(code & 127) == 124], value[(code & 127) > 124] = np.inf, np.nan
    return np.where(code >= 128, -value, value)


def exponent_of(x):
    return np.frexp(np.where(x == 0, 1.0, x))[1] - 1


def add_products(total, products, fraction_bits=13):
    """One fused addition of a tensor core for floats of 8 bits: `products` along the last axis."""
    none = -10000
    top = np.where(products == 0, none, exponent_of(products)).max(-1)
    top = np.maximum(top, np.where(total == 0, none, exponent_of(total)))
    step = np.ldexp(1.0, np.maximum(top, -1000) - fraction_bits)
    result = np.trunc(total / step) * step + (np.trunc(products / step[..., None]) * step[..., None]).sum(-1)
    last = np.ldexp(1.0, exponent_of(result) - fraction_bits)
    exact = np.isfinite(total) & np.isfinite(products).all(-1)
    return np.where(exact, np.trunc(result / last) * last, total + products.sum(-1))


def fma(a, b, c):
    """a * b + c rounded once: single precision by way of double with rounding to odd."""
    if a.dtype == np.float64:
        raise EmulationError("fma.f64 is not emulated")
    with np.errstate(all="ignore"):
        product, addend = a.astype(np.float64) * b, c.astype(np.float64)
        total = product + addend
        part = total - product
        rest = (product - (total - part)) + (addend - part)
        bits = total.view(np.int64)
        inexact = (rest != 0) & np.isfinite(total) & ((bits & 1) == 0)
        away = (rest > 0) == (total > 0)
        bits = np.where(inexact, np.where(away, bits + 1, bits - 1), bits)
        return bits.view(np.float64).astype(np.float32)


class Warps:
    """The warp of one number of many blocks: registers, place in the program, copies on their way."""

    def __init__(self, machine, blocks, number):
        kernel = machine.kernel
        self.machine, self.number = machine, number
        self.blocks = np.repeat(blocks, LANES)  # index into the machine's blocks
        self.thread = np.tile(np.arange(LANES), len(blocks)) + number * LANES
        self.count = self.blocks.size
        self.pc = np.zeros(self.count, np.int64)
        self.pc[self.thread >= machine.threads] = len(kernel.body)
        self.values = {}
        self.local = np.full((self.count, max(kernel.local_bytes, 1)), GARBAGE, np.uint8)
        self.copies, self.groups = [], []
        self.active = None

    def alive(self):
        return self.pc < len(self.machine.kernel.body)


class Machine:
    """A launch of one kernel. `memory` is the device's, from address `base` on; `allocations` are
    (address, bytes) in it."""

    def __init__(self, kernel, target, memory, base, allocations):
        self.kernel, self.target, self.memory, self.base = kernel, target, memory, base
        self.allocations = np.array(sorted(allocations), np.int64).reshape(-1, 2)
        self.executed = {}
        self.branch_ends = {i.opcode for i in kernel.body if i.opcode.startswith("bra")}

    # Launching.

    def launch(self, grid, threads, arguments, seed=0):
        if threads > self.kernel.threads:
            raise EmulationError(f"{self.kernel.name}: {threads} threads of at most {self.kernel.threads}")
        if len(arguments) != len(self.kernel.params):
            raise EmulationError(f"{self.kernel.name}: {len(arguments)} arguments, expected {len(self.kernel.params)}")
        self.grid, self.threads, self.rng = grid, threads, np.random.default_rng(seed)
        self.arguments = {n: (v, b) for (n, b), v in zip(self.kernel.params, arguments)}
        warps, total = -(-threads // LANES), grid[0] * grid[1]
        together = max(1, min(total, (1 << 15) // LANES))
        for first in range(0, total, together):
            self.block_ids = np.arange(first, min(total, first + together))
            self.shared = np.full((self.block_ids.size, max(16, self.kernel.shared_bytes)), GARBAGE, np.uint8)
            self.run_blocks([Warps(self, np.arange(self.block_ids.size), w) for w in range(warps)])

    def run_blocks(self, warps):
        while any(w.alive().any() for w in warps):
            waiting = {}
            for index in self.rng.permutation(len(warps)):
                barrier = self.run_to_barrier(warps[index])
                if barrier is not None:
                    waiting[index] = barrier
            alive = [i for i, w in enumerate(warps) if w.alive().any()]
            if sorted(waiting) != alive or len(set(waiting.values())) > 1:
                raise EmulationError(f"{self.kernel.name}: warps {sorted(waiting)} wait at barriers of {set(waiting.values())}, "
                                     f"but {alive} are running")
            for index in waiting:
                warps[index].pc[warps[index].alive()] += 1

    def run_to_barrier(self, w):
        """Runs until all lanes have come to the same barrier (its place is returned) or to the end."""
        body = self.kernel.body
        while True:
            alive = w.alive()
            if not alive.any():
                return None
            at = int(w.pc[alive].min())
            mask = w.pc == at
            instruction = body[at]
            if instruction.opcode.startswith(("bar.sync", "barrier.")):
                if not (mask == alive).all():
                    raise EmulationError(f"{self.kernel.name}: {instruction}: not all lanes have come to the barrier")
                return at
            self.execute(w, instruction, mask, at)

    # One instruction.

    def execute(self, w, instruction, mask, at):
        w.whole = bool(mask.all())
        w.active = slice(None) if w.whole else np.nonzero(mask)[0]
        self.executed[instruction.opcode] = self.executed.get(instruction.opcode, 0) + 1
        if instruction.opcode.startswith("bra"):
            self.branch(w, instruction, mask, at)
            return
        w.pc[w.active] += 1
        if instruction.predicate:
            keep = w.values[instruction.predicate][w.active] != instruction.negated
            lanes = np.arange(w.count)[w.active][keep]
            if lanes.size == 0:
                return
            w.whole, w.active = lanes.size == w.count, lanes
        if instruction.opcode in ("ret", "exit"):
            w.pc[w.active] = len(self.kernel.body)
            return
        name, *modifiers = instruction.opcode.split(".")
        handler = getattr(self, "do_" + name, None)
        if handler is None:
            raise EmulationError(f"{self.kernel.name}: {instruction}: not emulated")
        try:
            with np.errstate(all="ignore"):
                handler(w, modifiers, instruction.operands)
        except EmulationError as error:
            raise EmulationError(f"{self.kernel.name}: {instruction}: {error}") from None

    def branch(self, w, instruction, mask, at):
        target = self.kernel.labels[instruction.operands[-1]]
        if not instruction.predicate:
            w.pc[mask] = target
            return
        taken = mask & (w.values[instruction.predicate] != instruction.negated)
        w.pc[mask & ~taken] = at + 1
        w.pc[taken] = target

    # Operands.

    def lanes(self, w):
        return w.count if w.whole else w.active.size

    def special(self, w, name):
        block = self.block_ids[w.blocks[w.active]]
        values = {"%tid.x": w.thread[w.active], "%ctaid.x": block % self.grid[0], "%ctaid.y": block // self.grid[0],
                  "%ntid.x": self.threads, "%nctaid.x": self.grid[0], "%nctaid.y": self.grid[1], "%laneid": w.thread[w.active] % LANES}
        if name not in values:
            raise EmulationError(f"{name} is not emulated")
        return np.broadcast_to(np.asarray(values[name]), (self.lanes(w),)).astype(np.uint32)

    def read(self, w, text, kind):
        """The operand's lanes as the type `kind`, bits taken as they are."""
        dtype = np.dtype(bool) if kind == "pred" else np.dtype(numpy_type(kind))
        if text in w.values:
            value = w.values[text][w.active]
            if value.dtype == dtype:
                return value
            if value.dtype.itemsize == dtype.itemsize and dtype != bool:
                return value.view(dtype)
            if value.dtype.itemsize > dtype.itemsize:
                return value.astype(UNSIGNED[dtype.itemsize * 8]).view(dtype)
            raise EmulationError(f"{text} has {value.dtype.itemsize} bytes, read as {kind}")
        if text.startswith("%") and "." in text:
            return self.special(w, text).astype(dtype)
        if text.startswith("%"):
            raise EmulationError(f"{text} is read before it is written")
        return np.full(self.lanes(w), self.immediate(text, dtype), dtype)

    def immediate(self, text, dtype):
        if text in self.kernel.shared:
            return self.kernel.shared[text][0]
        if text in self.kernel.local:
            return self.kernel.local[text][0]
        if text.startswith(("0f", "0F")):
            return np.uint32(int(text[2:], 16)).view(np.float32) if dtype == np.float32 else dtype.type(int(text[2:], 16))
        if text.startswith(("0d", "0D")):
            return np.uint64(int(text[2:], 16)).view(np.float64)
        if text in ("true", "false"):
            return text == "true"
        value = int(text.rstrip("U"), 0)
        if dtype.kind in "iu":
            bits = dtype.itemsize * 8
            return np.array(value & ((1 << bits) - 1), UNSIGNED[bits]).view(dtype)
        return value

    def write(self, w, text, value):
        if text == "_":
            return
        kind = self.kernel.registers[text.rstrip("0123456789")]
        if kind != "pred" and value.dtype.itemsize * 8 < int(kind[1:]):  # extended by its sign, if it has one
            value = value.astype((SIGNED if value.dtype.kind == "i" else UNSIGNED)[int(kind[1:])])
        if w.whole:
            w.values[text] = np.array(value)
            return
        if text not in w.values:  # lanes that have never written read zeros, which tests cannot rely on
            w.values[text] = np.zeros(w.count, value.dtype)
        old = w.values[text]
        if old.dtype != value.dtype:
            value = value.view(old.dtype) if value.dtype.itemsize == old.dtype.itemsize else value.astype(old.dtype)
        old = old.copy() if not old.flags.writeable else old
        old[w.active] = value
        w.values[text] = old

    # Memory.

    def address(self, w, text):
        base, _, offset = text[1:-1].partition("+")
        offset = int(offset) if offset else 0
        if base in self.kernel.shared:
            return np.full(self.lanes(w), self.kernel.shared[base][0] + offset, np.int64)
        value = w.values[base][w.active] if base in w.values else None
        if value is None:
            raise EmulationError(f"{base} is no address")
        return value.astype(np.int64) + offset

    def check(self, addresses, size):
        if (addresses % size != 0).any():
            raise EmulationError(f"address {int(addresses[addresses % size != 0][0]):#x} is not aligned to {size} bytes")
        index = np.searchsorted(self.allocations[:, 0], addresses, side="right") - 1
        start, count = self.allocations[np.maximum(index, 0)].T
        outside = (index < 0) | (addresses + size > start + count)
        if outside.any():
            raise EmulationError(f"{size} bytes at {int(addresses[outside][0]):#x} are in no allocation")
        return addresses - self.base

    def shared_place(self, w, addresses, size):
        if ((addresses < 0) | (addresses + size > self.kernel.shared_bytes) | (addresses % size != 0)).any():
            raise EmulationError(f"{size} bytes at {int(addresses.max()):#x} of {self.kernel.shared_bytes} of shared memory")
        return w.blocks[w.active], addresses

    def local_place(self, w, space, addresses, size):
        """(lanes, places) of a lane's own memory, or None for other addresses."""
        if space != "local":
            own = addresses >= LOCAL_BASE
            if not own.any():
                return None
            if not own.all():
                raise EmulationError("addresses of several spaces")
            addresses = addresses - LOCAL_BASE
        if ((addresses < 0) | (addresses + size > self.kernel.local_bytes) | (addresses % size != 0)).any():
            raise EmulationError(f"{size} bytes at {int(addresses.max()):#x} of {self.kernel.local_bytes} of a lane's own")
        return np.arange(w.count)[w.active], addresses

    def load_bytes(self, w, space, addresses, size):
        span = np.arange(size)
        own = self.local_place(w, space, addresses, size) if space != "shared" else None
        if own:
            return w.local[own[0][:, None], own[1][:, None] + span]
        if space == "shared":
            blocks, places = self.shared_place(w, addresses, size)
            return self.shared[blocks[:, None], places[:, None] + span]
        return self.memory[self.check(addresses, size)[:, None] + span]

    def store_bytes(self, w, space, addresses, data):
        span = np.arange(data.shape[1])
        own = self.local_place(w, space, addresses, data.shape[1]) if space != "shared" else None
        if own:
            w.local[own[0][:, None], own[1][:, None] + span] = data
            return
        if space == "shared":
            blocks, places = self.shared_place(w, addresses, data.shape[1])
            self.shared[blocks[:, None], places[:, None] + span] = data
        else:
            self.memory[self.check(addresses, data.shape[1])[:, None] + span] = data

    def vector(self, modifiers, operand):
        registers = operand if isinstance(operand, list) else [operand]
        expected = next((int(m[1]) for m in modifiers if re.fullmatch(r"v\d", m)), 1)
        if len(registers) != expected:
            raise EmulationError(f"{len(registers)} registers, expected {expected}")
        return registers

    def do_ld(self, w, modifiers, operands):
        kind, registers = modifiers[-1], self.vector(modifiers, operands[0])
        size = ptx_module.BYTES[kind]
        if modifiers[0] == "param":
            value, size = self.arguments[operands[1][1:-1]]
            self.write(w, operands[0], np.full(self.lanes(w), value, np.int64).astype(UNSIGNED[size * 8]))
            return
        data = self.load_bytes(w, modifiers[0], self.address(w, operands[1]), size * len(registers))
        for i, register in enumerate(registers):
            value = np.ascontiguousarray(data[:, i * size:(i + 1) * size]).view(numpy_type(kind))[:, 0]
            self.write(w, register, value)

    def do_st(self, w, modifiers, operands):
        registers = self.vector(modifiers, operands[1])
        data = [np.ascontiguousarray(self.read(w, r, modifiers[-1])).view(np.uint8).reshape(self.lanes(w), -1) for r in registers]
        self.store_bytes(w, modifiers[0], self.address(w, operands[0]), np.concatenate(data, 1))

    def do_cp(self, w, modifiers, operands):
        if modifiers[:2] == ["async", "commit_group"]:
            w.groups.append(w.copies)
            w.copies = []
        elif modifiers[:2] == ["async", "wait_group"]:
            keep = int(operands[0])
            done, w.groups = w.groups[:len(w.groups) - keep], w.groups[len(w.groups) - keep:]
            for copy in [c for group in done for c in group]:
                self.finish_copy(w, *copy)
        else:
            size = int(operands[2])
            valid = self.read(w, operands[3], "s32") if len(operands) > 3 else np.full(self.lanes(w), size)
            to, source = self.address(w, operands[0]), self.address(w, operands[1])
            self.store_bytes(w, "shared", to, np.full((to.size, size), GARBAGE, np.uint8))
            if ((valid < 0) | (valid > size)).any() or (source % size != 0).any():
                raise EmulationError("a copy of more bytes than it has, or from an address that is not aligned")
            w.copies.append((np.arange(w.count)[w.active], to, source, size, valid))

    def finish_copy(self, w, lanes, to, source, size, valid):
        data = np.zeros((lanes.size, size), np.uint8)
        for count in np.unique(valid[valid > 0]):
            pick = valid == count
            for byte in range(count):
                data[pick, byte] = self.memory[self.check(source[pick] + byte, 1)]
        saved, w.active, w.whole = (w.active, w.whole), lanes, lanes.size == w.count
        self.store_bytes(w, "shared", to, data)
        w.active, w.whole = saved

    # Data movement between registers.

    def do_mov(self, w, modifiers, operands):
        kind, (to, source) = modifiers[-1], operands
        if isinstance(source, list):
            bits = int(kind[1:]) // len(source)
            total = sum(self.read(w, s, f"b{bits}").astype(UNSIGNED[int(kind[1:])]) << (bits * i) for i, s in enumerate(source))
            self.write(w, to, total)
        elif isinstance(to, list):
            bits = int(kind[1:]) // len(to)
            value = self.read(w, source, kind)
            for i, register in enumerate(to):
                self.write(w, register, (value >> np.uint64(bits * i) if value.dtype == np.uint64 else value >> value.dtype.type(bits * i)).astype(UNSIGNED[bits]))
        else:
            self.write(w, to, self.read(w, source, kind))

    def do_cvta(self, w, modifiers, operands):
        value = self.read(w, operands[1], modifiers[-1])
        if "shared" in modifiers:
            raise EmulationError("generic addresses of shared memory are not emulated")
        if "local" in modifiers:
            value = value - np.uint64(LOCAL_BASE) if "to" in modifiers else value + np.uint64(LOCAL_BASE)
        self.write(w, operands[0], value)

    def do_selp(self, w, modifiers, operands):
        a, b = self.read(w, operands[1], modifiers[-1]), self.read(w, operands[2], modifiers[-1])
        self.write(w, operands[0], np.where(self.read(w, operands[3], "pred"), a, b))

    def do_setp(self, w, modifiers, operands):
        a, b = self.read(w, operands[1], modifiers[-1]), self.read(w, operands[2], modifiers[-1])
        name = modifiers[0]
        unordered = name.endswith("u") and name in ("equ", "neu", "ltu", "leu", "gtu", "geu")
        base = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}.get(name, name[:2] if unordered else name)
        if name in ("nan", "num"):
            result = (np.isnan(a) | np.isnan(b)) == (name == "nan")
        else:
            result = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}[base](a, b)
            if a.dtype.kind == "f":
                missing = np.isnan(a) | np.isnan(b)
                result = result | missing if unordered else result & ~missing
        if modifiers[1] in ("and", "or", "xor"):
            other = self.read(w, operands[3], "pred")
            result = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}[modifiers[1]](result, other)
        self.write(w, operands[0], result)

    def do_cvt(self, w, modifiers, operands):
        to, source = modifiers[-2:]
        value = self.read(w, operands[1], source)
        rounding = next((m for m in modifiers[:-2] if m in ("rn", "rz", "rni", "rzi", "rmi", "rpi")), None)
        if to[0] != "f" and source[0] == "f":
            whole = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}[rounding](value)
            info = np.iinfo(numpy_type(to))
            top = whole.astype(np.float64) >= float(info.max)
            result = np.where(np.isnan(whole) | top, 0, np.clip(whole.astype(np.float64), float(info.min), float(info.max)))
            result = result.astype(numpy_type(to))
            result[top] = info.max
        elif to[0] == "f" and source[0] == "f" and rounding in ("rni", "rzi", "rmi", "rpi"):
            result = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}[rounding](value)
        else:
            if "sat" in modifiers:
                raise EmulationError("cvt.sat is not emulated")
            result = value.astype(numpy_type(to))
        self.write(w, operands[0], result)

    # Arithmetic.

    def binary(self, w, modifiers, operands, function):
        kind = modifiers[-1]
        self.write(w, operands[0], function(self.read(w, operands[1], kind), self.read(w, operands[2], kind)))

    def do_add(self, w, modifiers, operands):
        self.binary(w, modifiers, operands, np.add)

    def do_sub(self, w, modifiers, operands):
        self.binary(w, modifiers, operands, np.subtract)

    def multiply(self, w, modifiers, operands):
        kind = modifiers[-1]
        a, b = self.read(w, operands[1], kind), self.read(w, operands[2], kind)
        if "wide" in modifiers:
            wide = numpy_type(kind[0] + str(2 * int(kind[1:])))
            return a.astype(wide) * b.astype(wide)
        if "hi" in modifiers:
            bits = int(kind[1:])
            if bits == 64:
                return np.array([(int(x) * int(y)) >> 64 for x, y in zip(a, b)], dtype=object).astype(a.dtype)
            wide = numpy_type(kind[0] + str(2 * bits))
            return ((a.astype(wide) * b.astype(wide)) >> wide(bits)).astype(a.dtype)
        return a * b

    def do_mul(self, w, modifiers, operands):
        self.write(w, operands[0], self.multiply(w, modifiers, operands))

    def do_mad(self, w, modifiers, operands):
        product = self.multiply(w, modifiers, operands)
        addend = self.read(w, operands[3], modifiers[-1][0] + str(product.dtype.itemsize * 8))
        self.write(w, operands[0], product + addend)

    def do_fma(self, w, modifiers, operands):
        self.write(w, operands[0], fma(*(self.read(w, o, modifiers[-1]) for o in operands[1:4])))

    def do_div(self, w, modifiers, operands):
        def divide(a, b):
            if a.dtype.kind == "f":
                if "rn" not in modifiers:
                    raise EmulationError("only div.rn is exact")
                return a / b
            if (b == 0).any():
                return np.where(b == 0, 0, self.quotient(a, np.where(b == 0, 1, b))).astype(a.dtype)
            return self.quotient(a, b)
        self.binary(w, modifiers, operands, divide)

    @staticmethod
    def quotient(a, b):
        if a.dtype.kind == "u":
            return a // b
        return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)

    def do_rem(self, w, modifiers, operands):
        self.binary(w, modifiers, operands, lambda a, b: (a - self.quotient(a, np.where(b == 0, 1, b).astype(b.dtype)) * b).astype(a.dtype))

    def do_min(self, w, modifiers, operands):
        self.binary(w, modifiers, operands, np.fmin if modifiers[-1][0] == "f" else np.minimum)

    def do_max(self, w, modifiers, operands):
        self.binary(w, modifiers, operands, np.fmax if modifiers[-1][0] == "f" else np.maximum)

    def unary(self, w, modifiers, operands, function):
        self.write(w, operands[0], function(self.read(w, operands[1], modifiers[-1])))

    def do_neg(self, w, modifiers, operands):
        self.unary(w, modifiers, operands, np.negative)

    def do_abs(self, w, modifiers, operands):
        self.unary(w, modifiers, operands, np.abs)

    def do_sqrt(self, w, modifiers, operands):
        if "rn" not in modifiers:
            raise EmulationError("only sqrt.rn is exact")
        self.unary(w, modifiers, operands, np.sqrt)

    def do_rcp(self, w, modifiers, operands):
        if "rn" not in modifiers:
            raise EmulationError("only rcp.rn is exact")
        self.unary(w, modifiers, operands, lambda x: x.dtype.type(1) / x)

    def do_not(self, w, modifiers, operands):
        self.unary(w, modifiers, operands, np.logical_not if modifiers[-1] == "pred" else np.invert)

    def logic(self, w, modifiers, operands, on_bits, on_predicates):
        self.binary(w, modifiers, operands, on_predicates if modifiers[-1] == "pred" else on_bits)

    def do_and(self, w, modifiers, operands):
        self.logic(w, modifiers, operands, np.bitwise_and, np.logical_and)

    def do_or(self, w, modifiers, operands):
        self.logic(w, modifiers, operands, np.bitwise_or, np.logical_or)

    def do_xor(self, w, modifiers, operands):
        self.logic(w, modifiers, operands, np.bitwise_xor, np.logical_xor)

    def shift(self, w, modifiers, operands, function):
        kind = modifiers[-1]
        value, by = self.read(w, operands[1], kind), self.read(w, operands[2], "u32")
        bits = value.dtype.itemsize * 8
        result = function(value, np.minimum(by, bits - 1).astype(value.dtype))
        over = np.where(value < 0, -1, 0).astype(value.dtype) if (kind[0] == "s" and function is np.right_shift) else value.dtype.type(0)
        self.write(w, operands[0], np.where(by >= bits, over, result))

    def do_shl(self, w, modifiers, operands):
        self.shift(w, modifiers, operands, np.left_shift)

    def do_shr(self, w, modifiers, operands):
        self.shift(w, modifiers, operands, np.right_shift)

    def do_shf(self, w, modifiers, operands):
        low, high = (self.read(w, o, "b32").astype(np.uint64) for o in operands[1:3])
        by = self.read(w, operands[3], "u32")
        by = (by & 31 if "wrap" in modifiers else np.minimum(by, 32)).astype(np.uint64)
        both = high << np.uint64(32) | low
        result = both << by >> np.uint64(32) if modifiers[0] == "l" else both >> by
        self.write(w, operands[0], result.astype(np.uint32))

    def do_bfe(self, w, modifiers, operands):
        kind = modifiers[-1]
        value, first, count = self.read(w, operands[1], kind), self.read(w, operands[2], "u32") & 255, self.read(w, operands[3], "u32") & 255
        bits = value.dtype.itemsize * 8
        if ((first + count > bits) | (count == 0)).any():
            raise EmulationError("a field beyond the register")
        up = (bits - first - count).astype(value.dtype)
        self.write(w, operands[0], np.right_shift(np.left_shift(value, up), (bits - count).astype(value.dtype)))

    def do_bfi(self, w, modifiers, operands):
        a, b = (self.read(w, o, modifiers[-1]) for o in operands[1:3])
        first, count = (self.read(w, o, "u32").astype(a.dtype) for o in operands[3:5])
        one = a.dtype.type(1)
        mask = ((one << count) - one) << first
        self.write(w, operands[0], (b & ~mask) | ((a << first) & mask))

    def do_prmt(self, w, modifiers, operands):
        a, b, selector = (self.read(w, o, "b32") for o in operands[1:4])
        data = np.concatenate([np.ascontiguousarray(x).view(np.uint8).reshape(-1, 4) for x in (a, b)], 1)
        result = np.zeros((a.size, 4), np.uint8)
        for i in range(4):
            pick = (selector >> np.uint32(4 * i)) & 15
            byte = data[np.arange(a.size), pick & 7]
            result[:, i] = np.where(pick & 8, np.where(byte & 128, 255, 0), byte)
        self.write(w, operands[0], result.view(np.uint32)[:, 0])

    def do_clz(self, w, modifiers, operands):
        bits = int(modifiers[-1][1:])
        value = self.read(w, operands[1], modifiers[-1])
        self.write(w, operands[0], np.array([bits - int(v).bit_length() for v in value], np.uint32))

    # A warp's instructions.

    def warp_lanes(self, w):
        """The active lanes as whole warps."""
        lanes = np.arange(w.count)[w.active].reshape(-1)
        if lanes.size % LANES or (lanes.reshape(-1, LANES) % LANES != np.arange(LANES)).any():
            raise EmulationError("not all lanes of the warp are here")
        return lanes.size // LANES

    def do_bar(self, w, modifiers, operands):
        if modifiers[:2] != ["warp", "sync"]:
            raise EmulationError("not emulated")
        self.warp_lanes(w)

    def do_shfl(self, w, modifiers, operands):
        warps = self.warp_lanes(w)
        to, source, distance, clamp, _ = operands
        if modifiers[:2] != ["sync", "bfly"] or int(clamp) != 31 or "|" in to:
            raise EmulationError("not emulated")
        value = self.read(w, source, modifiers[-1]).reshape(warps, LANES)
        self.write(w, to, value[:, np.arange(LANES) ^ int(distance)].reshape(-1))

    def do_ldmatrix(self, w, modifiers, operands):
        warps = self.warp_lanes(w)
        if "trans" in modifiers or "b16" not in modifiers:
            raise EmulationError("not emulated")
        rows = self.load_bytes(w, "shared", self.address(w, operands[1]), 16).reshape(warps, 4, 8, 4, 4)
        words = np.ascontiguousarray(rows).view(np.uint32).reshape(warps, 4, LANES)
        for i, register in enumerate(operands[0]):
            self.write(w, register, np.ascontiguousarray(words[:, i]).reshape(-1))

    def codes(self, w, registers, kind, warps):
        words = np.stack([self.read(w, r, "b32").reshape(warps, LANES) for r in registers], 2)
        return code_values(kind)[np.ascontiguousarray(words).view(np.uint8).reshape(warps, 8, 4, len(registers), 4)]

    def do_mma(self, w, modifiers, operands):
        warps = self.warp_lanes(w)
        shape, result, left, right = modifiers[2], *modifiers[-4:-1]
        if shape != "m16n8k32" or modifiers[3:5] != ["row", "col"]:
            raise EmulationError("not emulated")
        # Lane = 4 * g + t. Left: register r, byte i is row g + 8 * (r % 2), term 16 * (r / 2) + 4 * t + i.
        a = self.codes(w, operands[1], left, warps).reshape(warps, 8, 4, 2, 2, 4)  # g t half-k row-half i
        a = a.transpose(0, 4, 1, 3, 2, 5).reshape(warps, 16, 32)
        # Right: register r, byte i is column g, term 16 * r + 4 * t + i.
        b = self.codes(w, operands[2], right, warps).transpose(0, 1, 3, 2, 4).reshape(warps, 8, 32)
        # Sums: register r is row g + 8 * (r / 2), column 2 * t + r % 2.
        c = np.stack([self.read(w, r, result).reshape(warps, 8, 4) for r in operands[3]], 3).reshape(warps, 8, 4, 2, 2)
        c = c.transpose(0, 3, 1, 2, 4).reshape(warps, 16, 8)
        if result == "f32":
            total = c.astype(np.float64)
            for first in range(0, 32, 16):
                total = add_products(total, a[:, :, None, first:first + 16] * b[:, None, :, first:first + 16])
            total = total.astype(np.float32)
        else:
            total = (c.astype(np.int64) + np.matmul(a, b.transpose(0, 2, 1)).astype(np.int64)).astype(np.int32)
        total = total.reshape(warps, 2, 8, 4, 2).transpose(0, 2, 3, 1, 4).reshape(warps * LANES, 4)
        for i, register in enumerate(operands[0]):
            self.write(w, register, np.ascontiguousarray(total[:, i]))
