# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""write_inputs.py DIR: .npy files, good and bad, for the handmade model."""

import os
import struct
import sys

import numpy as np

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
x = np.random.default_rng(1).standard_normal((64, 48)).astype(np.float32)
ids = np.array([0, 3, 1, 9, 2], np.int64)


def save(name, array):
    np.save(os.path.join(folder, name), array)


def raw(name, header, data, version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    with open(os.path.join(folder, name), "wb") as f:
        f.write(b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data)


save("x.npy", x)
save("ids.npy", ids)
save("double.npy", x.astype(np.float64))
save("shape.npy", x.reshape(48, 64))
save("fortran.npy", np.asfortranarray(x))
save("big_endian.npy", x.astype(">f4"))
save("far_ids.npy", np.array([0, 1, 2, 3, 10]))
save("negative_ids.npy", np.array([0, -1, 2, 3, 9]))
whole = open(os.path.join(folder, "x.npy"), "rb").read()
for name, data in [("cut.npy", whole[:-1]), ("cut_header.npy", whole[:40]), ("empty.npy", b""),
                   ("long.npy", whole + b"0"), ("text.npy", b"1 2 3\n")]:
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)
# Other writers leave other spaces; the elements then start anywhere.
raw("odd.npy", '{"shape":(64,48),"fortran_order":False,"descr":"<f4"} ', x.tobytes())
raw("v2.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (64L, 48L,), }\n", x.tobytes(), 2)
raw("huge.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }\n", b"")
raw("object.npy", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", b"")
raw("version.npy", "", b"", 9)
