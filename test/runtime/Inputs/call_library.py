# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls libhandmade.so as a program would: good calls, and every bad one that it must refuse."""

import ctypes
import sys

import numpy as np

lib = ctypes.CDLL(sys.argv[1])
lib.quern_api_status_text.restype = ctypes.c_char_p
lib.quern_api_arena_bytes.restype = ctypes.c_size_t
lib.quern_api_entry_name.restype = ctypes.c_char_p
Pointers = ctypes.c_void_p * 3


class Call(ctypes.Structure):
    _fields_ = [("struct_bytes", ctypes.c_uint32), ("entry", ctypes.c_uint32),
                ("inputs", ctypes.c_void_p), ("outputs", ctypes.c_void_p),
                ("states", ctypes.c_void_p), ("extents", ctypes.c_void_p),
                ("input_bytes", ctypes.c_void_p), ("output_bytes", ctypes.c_void_p),
                ("arena", ctypes.c_void_p), ("arena_bytes", ctypes.c_size_t),
                ("parallel", ctypes.c_void_p)]


assert ctypes.sizeof(Call) == 80
assert lib.quern_api_check_cpu() == 0
assert lib.quern_api_entry_count() == 2 and lib.quern_api_entry_name(1) == b"twice"
assert lib.quern_api_entry_name(2) is None and lib.quern_api_input(0, 2) == 0
size = lib.quern_api_arena_bytes(0)
memory = np.zeros(size + 128, np.uint8)
arena = (memory.ctypes.data + 63) & ~63
x = np.random.default_rng(2).standard_normal((64, 48)).astype(np.float32)
ids = np.array([4, 4, 4, 9, 0])
y, total, runs = np.zeros_like(x), np.zeros(1, np.int32), np.zeros(1, np.int32)
state = np.zeros(1, np.int32)
inputs = Pointers(x.ctypes.data, ids.ctypes.data)
outputs = Pointers(y.ctypes.data, total.ctypes.data, runs.ctypes.data)
states = Pointers(state.ctypes.data)
good = dict(struct_bytes=80, entry=0, inputs=ctypes.addressof(inputs),
            outputs=ctypes.addressof(outputs), states=ctypes.addressof(states), arena=arena,
            arena_bytes=size)


def execute(**change):
    return lib.quern_api_execute(ctypes.byref(Call(**{**good, **change})))


assert lib.quern_api_reset_state(0, states[0]) == 0 and state[0] == 40
assert lib.quern_api_reset_state(1, states[0]) == 9
assert execute() == 0 and execute() == 0
assert total[0] == 30000 - 1 + 1 and runs[0] == 42 and y[3, 0] == 2 * x[3, 0] + np.float32(0.5)

# The caller's own parallel_for, run backwards.
Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
For = ctypes.CFUNCTYPE(None, ctypes.c_void_p, Body, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
seen = []


@For
def backwards(context, body, argument, units, grain):
    seen.append((units, grain))
    for begin in reversed(range(0, units, grain)):
        body(argument, begin, min(begin + grain, units))


parallel = (ctypes.c_void_p * 2)(None, ctypes.cast(backwards, ctypes.c_void_p).value)
expected, y[:] = y.copy(), 0
assert execute(parallel=ctypes.addressof(parallel)) == 0
assert seen == [(64, 3), (64, 5)] and np.array_equal(y, expected)

# What must be refused, before anything is computed.
y[:] = 7
sizes = (ctypes.c_size_t * 2)(64 * 48 * 4, 39)
nulls = Pointers()
crooked = Pointers(x.ctypes.data, ids.ctypes.data + 4)
for status, change in [(1, dict(struct_bytes=72)), (3, dict(entry=2)), (4, dict(inputs=None)),
                       (4, dict(inputs=ctypes.addressof(nulls))), (4, dict(arena=None)),
                       (4, dict(outputs=ctypes.addressof(nulls))), (4, dict(states=None)),
                       (5, dict(inputs=ctypes.addressof(crooked))), (5, dict(arena=arena + 32)),
                       (6, dict(input_bytes=ctypes.addressof(sizes))),
                       (7, dict(arena_bytes=size - 1))]:
    assert execute(**change) == status, (status, change)
    assert len(lib.quern_api_status_text(status)) > 8
assert (y == 7).all()
