// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Scaled dot-product attention in the ops that a plain export has: product, scale, mask,
/// softmax, product. B is the batch, N the heads, S the queries, T the keys, h the head size.

#ifndef QUERN_PASSES_LEGALIZE_ONNX_ATTENTION_H
#define QUERN_PASSES_LEGALIZE_ONNX_ATTENTION_H

#include "passes/Legalize/Onnx/NodeBuilder.h"

namespace quern::legalize {

/// What happens to the scores between the product and the softmax, in this order.
struct ScoreOptions {
  float scale = 1;
  float softcap = 0;            ///< 0: none; else cap * tanh(score / cap)
  llvm::SmallVector<Value> add; ///< f32 masks and biases that broadcast to [B, N, S, T]
  bool isCausal = false;        ///< query i sees the keys up to past + i
  int64_t past = 0;
};

/// [B, S, N * h] as [B, N, S, h].
Value splitHeads(NodeBuilder &n, Value x, int64_t heads);
/// [B, N, S, h] as [B, S, N * h].
Value mergeHeads(NodeBuilder &n, Value x);

/// softmax(options(q kT)) v of q [B, N, S, h], k [B, M, T, h] and v [B, M, T, e] as [B, N, S, e];
/// N is a multiple of M: each head of k and v serves N / M heads of q.
Value attend(NodeBuilder &n, Value q, Value k, Value v, const ScoreOptions &options);

/// Puts the past keys and values, inputs `pastKey` and the one after it, before k and v where they
/// are there; how many they are goes into `options`. Null k after an error.
void prependPast(NodeBuilder &n, unsigned pastKey, Value &k, Value &v, ScoreOptions &options);

/// The f32 mask of an integer one of com.microsoft, 0 where it lets through and `filter` elsewhere:
/// [B] (how many keys count), [2 * B] (their ends, then their starts), [B, T], [B, S, T] or
/// [B, 1, M, M] with M >= T, of which the last S of T rows count.
Value readIntegerMask(NodeBuilder &n, Value mask, int64_t queries, int64_t keys, int64_t batch,
                      float filter);

} // namespace quern::legalize

#endif // QUERN_PASSES_LEGALIZE_ONNX_ATTENTION_H
