// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of the standard operator set.

#include "passes/Legalize/Onnx/Attention.h"
#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

/// [B, N, S, h] as it is, [B, S, N * h] split into the heads that attribute `name` gives.
static Value readHeads(NodeBuilder &n, unsigned index, llvm::StringRef name) {
  Value x = n.f32(index);
  return !x || rankOf(x) == 4 ? x : splitHeads(n, x, n.node.getInt(name, 0));
}

/// A bool mask lets through where it is true; one with fewer keys than there are hides the others.
static Value readMask(NodeBuilder &n, Value mask, int64_t keys) {
  if (!mask)
    return nullptr;
  Value hidden = n.scalarF32(-std::numeric_limits<float>::infinity());
  mask = elementOf(mask).isInteger(1) ? n.select(mask, n.scalarF32(0), hidden) : n.f32(mask);
  if (!mask || rankOf(mask) < 1)
    return mask;
  Dims low(rankOf(mask), 0), high(rankOf(mask), 0);
  high.back() = std::max<int64_t>(keys - shapeOf(mask).back(), 0);
  return shapeOf(mask).back() == 1 ? mask : n.pad(mask, hidden, low, high);
}

/// Q, K, V, attn_mask, past_key, past_value.
static LogicalResult buildAttention(NodeBuilder &n) {
  if (n.has(6))
    return n.error() << "expected no nonpad_kv_seqlen, found '" << n.nameOf(n.in(6))
                     << "'; nearest supported form: attn_mask";
  bool isFlat = rankOf(n.in(0)) == 3;
  Value q = readHeads(n, 0, "q_num_heads"), k = readHeads(n, 1, "kv_num_heads");
  Value v = readHeads(n, 2, "kv_num_heads");
  ScoreOptions options;
  prependPast(n, 4, k, v, options);
  if (!q || !k || !v)
    return failure();
  if (rankOf(q) != 4 || rankOf(k) != 4)
    return n.error() << "expected queries, keys and values of rank 3 or 4, found " << q.getType()
                     << " and " << k.getType();
  options.scale = n.node.getFloat("scale", 1.0f / std::sqrt(static_cast<float>(shapeOf(q).back())));
  options.softcap = n.node.getFloat("softcap", 0.0f);
  options.isCausal = n.node.getInt("is_causal", 0) != 0;
  if (n.has(3))
    options.add.push_back(readMask(n, n.in(3), shapeOf(k)[2]));
  Value y = attend(n, q, k, v, options);
  y = isFlat ? mergeHeads(n, y) : y;
  return y ? n.finish({y, k, v}) : failure();
}

void quern::legalize::addAttentionRows(Rows &rows) {
  rows.push_back({onnxDomain, "Attention", 23, latest, 3,
                  "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap "
                  "softmax_precision",
                  buildAttention});
}
