#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The PTX emulator against definitions written another way, on kernels of a few lines."""
import fractions
import sys

import ml_dtypes
import numpy as np

import ptx_emulator
import ptx_module

HEAD = """.version 8.4
.target sm_89
.address_size 64
.visible .entry k(
	.param .u64 k_param_0,
	.param .u64 k_param_1
)
.maxntid 64
{
	.reg .pred 	%p<9>;
	.reg .b32 	%r<99>;
	.reg .b64 	%rd<9>;
	.shared .align 128 .b8 room[1024];
	ld.param.b64 	%rd1, [k_param_0];
	ld.param.b64 	%rd2, [k_param_1];
	mov.u32 	%r1, %tid.x;
	mov.b32 	%r2, room;
"""
BASE = 0x10000


def run(body, data=b"", threads=32, size=4096, seed=0):
    """Runs a body whose %rd1 is the data and %rd2 a result of `size` bytes."""
    _, kernels = ptx_module.parse(HEAD + body + "\tret;\n}\n")
    memory = np.zeros(1 << 16, np.uint8)
    memory[:len(data)] = np.frombuffer(bytes(data), np.uint8)
    machine = ptx_emulator.Machine(kernels["k"], "sm_89", memory, BASE, [(BASE, max(len(data), 16)), (BASE + 32768, size)])
    machine.launch((1, 1), threads, [BASE, BASE + 32768], seed)
    return memory[32768:32768 + size]


STORE = """	mul.wide.u32 	%rd4, %r1, 4;
	add.s64 	%rd4, %rd2, %rd4;
	st.global.b32 	[%rd4], %r9;
"""
LOAD3 = """	mul.wide.u32 	%rd3, %r1, 12;
	add.s64 	%rd3, %rd1, %rd3;
	ld.global.b32 	%r3, [%rd3];
	ld.global.b32 	%r4, [%rd3+4];
	ld.global.b32 	%r5, [%rd3+8];
"""


def test_fma_rounds_once():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(40):
        a, b = rng.standard_normal((2, 32)).astype(np.float32)
        c = (-(a.astype(np.float64) * b) * (1 + rng.choice([0, 2.0**-25, 2.0**-30], 32))).astype(np.float32) * np.float32(rng.choice([1, 2.0**20, 2.0**-20]))
        got = run(LOAD3 + "	fma.rn.f32 	%r9, %r3, %r4, %r5;\n" + STORE, np.stack([a, b, c], 1).tobytes()).view(np.float32)[:32]
        for x, y, z, value in zip(a, b, c, got):
            exact = fractions.Fraction(float(x)) * fractions.Fraction(float(y)) + fractions.Fraction(float(z))
            around = [np.nextafter(value, np.float32(s)) for s in (-np.inf, np.inf)]
            distance = abs(fractions.Fraction(float(value)) - exact)
            wrong += any(abs(fractions.Fraction(float(n)) - exact) < distance for n in around)
    assert wrong == 0, f"{wrong} are not the nearest"


def test_conversion_saturates():
    values = np.array([0.5, 1.5, -2.5, 3e9, -3e9, np.nan, np.inf, 7], np.float32)
    data = np.zeros((32, 3), np.float32)
    data[:8, 0] = values
    got = run(LOAD3 + "	cvt.rni.s32.f32 	%r9, %r3;\n" + STORE, data.tobytes()).view(np.int32)[:8]
    assert got.tolist() == [0, 2, -2, 2**31 - 1, -2**31, 0, 2**31 - 1, 7], got.tolist()


FRAGMENTS = """	mul.wide.u32 	%rd3, %r1, 40;
	add.s64 	%rd3, %rd1, %rd3;
""" + "".join(f"	ld.global.b32 	%r{20 + i}, [%rd3+{4 * i}];\n" for i in range(10)) + """	mma.sync.aligned.m16n8k32.row.col.{0} {{%r40, %r41, %r42, %r43}}, {{%r20, %r21, %r22, %r23}}, {{%r24, %r25}}, {{%r26, %r27, %r28, %r29}};
	mul.wide.u32 	%rd4, %r1, 16;
	add.s64 	%rd4, %rd2, %rd4;
""" + "".join(f"	st.global.b32 	[%rd4+{4 * i}], %r{40 + i};\n" for i in range(4))


def fragments(a, b, c):
    """The lanes' registers, element by element as the tables of the PTX manual have them."""
    words = np.zeros((32, 40), np.uint8)
    for lane in range(32):
        g, t = lane // 4, lane % 4
        for i in range(16):
            words[lane, i] = a[g + (8 if (i // 4) % 2 else 0), t * 4 + i % 4 + (16 if i >= 8 else 0)]
        for i in range(8):
            words[lane, 16 + i] = b[t * 4 + i % 4 + (16 if i >= 4 else 0), g]
        words[lane, 24:] = np.array([c[g + (8 if i >= 2 else 0), t * 2 + i % 2] for i in range(4)]).view(np.uint8)
    return words.tobytes()


def unpack(result):
    out = np.zeros((16, 8), result.dtype)
    for lane in range(32):
        for i in range(4):
            out[lane // 4 + (8 if i >= 2 else 0), lane % 4 * 2 + i % 2] = result[lane * 4 + i]
    return out


def test_integer_products():
    rng = np.random.default_rng(1)
    for left, kind in ((np.uint8, "u8"), (np.int8, "s8")):
        a = rng.integers(0, 256, (16, 32)).astype(np.uint8)
        b = rng.integers(0, 256, (32, 8)).astype(np.uint8)
        c = rng.integers(-2**31, 2**31, (16, 8)).astype(np.int32)
        got = unpack(run(FRAGMENTS.format(f"s32.{kind}.s8.s32"), fragments(a, b, c)).view(np.int32)[:128])
        expected = (c.astype(np.int64) + a.view(left).astype(np.int64) @ b.view(np.int8).astype(np.int64)).astype(np.int32)
        assert np.array_equal(got, expected)


def test_float_products_are_cut_off():
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal(s).astype(np.float32).astype(ml_dtypes.float8_e4m3fn) for s in ((16, 32), (32, 8)))
    c = rng.standard_normal((16, 8)).astype(np.float32)
    got = unpack(run(FRAGMENTS.format("f32.e4m3.e4m3.f32"), fragments(a.view(np.uint8), b.view(np.uint8), c)).view(np.float32)[:128])
    products = a.astype(np.float64)[:, :, None] * b.astype(np.float64)[None]
    exact, size = c + products.sum(1), np.abs(c) + np.abs(products).sum(1)
    error = np.abs(got - exact) / size
    assert 0 < error.max() <= 32 * 2.0**-14, error.max()
    # One product far below the sum is cut off, and a sum has 13 bits.
    big = ptx_emulator.add_products(np.array(4096.0), np.array([0.25, 0.25]))
    assert big == 4096.0 and ptx_emulator.add_products(np.array(1.0), np.array([2.0**-13])) == 1 + 2.0**-13


def fails(body, words, **options):
    try:
        run(body, **options)
    except ptx_emulator.EmulationError as error:
        assert words in str(error), error
        return
    raise AssertionError(f"expected an error with {words!r}")


PASS = """	shl.b32 	%r3, %r1, 2;
	add.s32 	%r4, %r2, %r3;
	st.shared.b32 	[%r4], %r1;
{0}	xor.b32 	%r5, %r3, 128;
	add.s32 	%r6, %r2, %r5;
	ld.shared.b32 	%r9, [%r6];
"""


def test_barriers():
    partner = np.arange(64) ^ 32
    assert np.array_equal(run(PASS.format("	bar.sync 	0;\n") + STORE, threads=64).view(np.uint32)[:64], partner)
    for seed in range(4):
        assert not np.array_equal(run(PASS.format("") + STORE, threads=64, seed=seed).view(np.uint32)[:64], partner)
    fails("	setp.lt.u32 	%p1, %r1, 16;\n	@%p1 bra 	$L__BB0_1;\n	bar.sync 	0;\n$L__BB0_1:\n	mov.b32 	%r9, 1;\n", "not all lanes")
    fails("	setp.lt.u32 	%p1, %r1, 16;\n	@%p1 bra 	$L__BB0_1;\n	bar.warp.sync 	-1;\n$L__BB0_1:\n	mov.b32 	%r9, 1;\n", "not all lanes")


COPY = """	shl.b32 	%r3, %r1, 4;
	add.s32 	%r4, %r2, %r3;
	mul.wide.u32 	%rd3, %r1, 16;
	add.s64 	%rd3, %rd1, %rd3;
	cp.async.cg.shared.global [%r4], [%rd3], 16, {1};
	cp.async.commit_group;
{0}	ld.shared.b32 	%r9, [%r4+4];
"""


def test_asynchronous_copies():
    data = np.arange(128, dtype=np.uint32)
    wait = "	cp.async.wait_group 	0;\n"
    assert np.array_equal(run(COPY.format(wait, 16) + STORE, data.tobytes()).view(np.uint32)[:32], data[1::4])
    assert not np.any(run(COPY.format(wait, 4) + STORE, data.tobytes()).view(np.uint32)[:32])
    for late in ("", "	cp.async.wait_group 	1;\n"):
        assert not np.isin(run(COPY.format(late, 16) + STORE, data.tobytes()).view(np.uint32)[:32], data).any()


def test_ranges():
    fails("	ld.global.b32 	%r9, [%rd1+16];\n", "in no allocation")
    fails("	st.global.b32 	[%rd2+4094], %r1;\n", "not aligned")
    fails("	ld.shared.b32 	%r9, [%r2+1024];\n", "of shared memory")
    fails("	add.s32 	%r9, %r8, 1;\n", "before it is written")


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("ok  ", name)


if __name__ == "__main__":
    sys.exit(main())
