# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes images of 6 x 5 pixels and what a model that adds 1 makes of them into a folder."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

out = Path(sys.argv[1])
colour = (np.arange(5 * 6 * 3) * 37 % 250).astype(np.uint8).reshape(5, 6, 3)
grey = colour[:, :, 1]
Image.fromarray(colour).save(out / "colour.png")
Image.fromarray(colour).save(out / "colour.jpg", quality=95)
Image.fromarray(colour).quantize(64).save(out / "palette.png")
Image.fromarray(grey).save(out / "grey.png")
Image.fromarray(grey).save(out / "grey.jpg")
Image.fromarray(colour).resize((8, 5)).save(out / "wide.png")
Image.fromarray(colour).resize((8, 5)).save(out / "wide.jpg")
Image.fromarray(np.dstack([colour, grey])).save(out / "transparent.png")
Image.fromarray(grey.astype(np.uint16) * 256).save(out / "deep.png")
Image.fromarray(np.dstack([colour, grey]), mode="CMYK").save(out / "print.jpg")
for name in ("colour.png", "colour.jpg"):
    data = (out / name).read_bytes()
    (out / f"cut-{name}").write_bytes(data[: len(data) - 40])
(out / "raw.bin").write_bytes(grey.astype(np.float32).tobytes())
(out / "short.bin").write_bytes(grey.astype(np.float32).tobytes()[1:])


def pixels(name):
    return np.asarray(Image.open(out / name).convert("RGB"))


mean, std = np.array([10, 20, 30]), np.array([2, 4, 8])
np.save(out / "nchw.npy", pixels("colour.png").transpose(2, 0, 1)[None].astype(np.float32) + 1)
np.save(out / "jpeg.npy", pixels("colour.jpg").transpose(2, 0, 1)[None].astype(np.float32) + 1)
np.save(out / "palette.npy", pixels("palette.png").transpose(2, 0, 1)[None].astype(np.float32) + 1)
np.save(out / "three-greys.npy", pixels("grey.png").transpose(2, 0, 1)[None].astype(np.float32) + 1)
np.save(out / "nhwc.npy", colour[None] + np.uint8(1))
np.save(out / "scaled.npy",
        ((colour - mean) / std).transpose(2, 0, 1)[None].astype(np.float32) + np.float32(1))
np.save(out / "grey-float.npy", grey[None, None].astype(np.float32) + 1)
np.save(out / "grey-jpeg.npy", np.asarray(Image.open(out / "grey.jpg"))[None, None].astype(np.float32) + 1)
