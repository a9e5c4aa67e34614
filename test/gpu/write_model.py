# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""usage: write_model.py MODEL.onnx INPUT.npy [NAME] [--floats]   writes a test model (mlp) and its input."""
import sys

import numpy as np
import onnx

import models

names = [a for a in sys.argv[1:] if not a.startswith("--")]
graph, model = models.MODELS[names[2] if len(names) > 2 else "mlp"]("--floats" in sys.argv)
onnx.save(model, names[0])
np.save(names[1], graph.feeds["x0"])
