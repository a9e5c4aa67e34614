// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmStores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace quern {

static constexpr int64_t quadLanes = 4, byteLanes = 16;

/// Lanes of f32 as groups of four.
static void appendQuads(KernelBuilder &b, Value value, SmallVectorImpl<Value> &quads) {
  int64_t lanes = KernelBuilder::lanesOf(value.getType());
  for (int64_t first = 0; first < lanes; first += quadLanes)
    quads.push_back(b.extract(value, first, quadLanes));
}

/// Four lanes to i32, saturated by fcvtns. That makes NaN 0, but it is to be the least code.
static Value roundQuad(KernelBuilder &b, Value x, bool isBounded) {
  if (!isBounded)
    x = b.maxOrBound(x, b.real(x.getType(), -1073741824.0f));
  return b.roundToInteger(x);
}

/// Eight lanes of i16, the zero point added with saturation.
static Value narrowPair(KernelBuilder &b, ArrayRef<Value> quads, const Yielded &yielded) {
  auto words = VectorType::get({4}, b.getI16Type());
  SmallVector<Value> halves;
  for (Value quad : quads) {
    Value rounded = roundQuad(b, quad, yielded.code.getBounded());
    halves.push_back(b.intrinsic("llvm.aarch64.neon.sqxtn.v4i16", words, rounded));
  }
  Value all = b.concatenate(halves);
  if (Value dynamic = yielded.dynamicZeroPoint) {
    // The same zero point in all lanes: once for the whole function where it is a loaded scalar.
    auto narrow = [&](Value scalar) {
      return b.splat(arith::TruncIOp::create(b, b.getI16Type(), scalar), 8);
    };
    Value spread;
    if (Value scalar = b.loadedOnce(dynamic)) {
      spread = b.once(scalar, narrow);
    } else {
      auto type = VectorType::get({KernelBuilder::lanesOf(dynamic.getType())}, b.getI16Type());
      Value lanes = arith::TruncIOp::create(b, type, dynamic);
      spread = b.shuffle(lanes, lanes, SmallVector<int64_t>(8, 0));
    }
    all = LLVM::SAddSat::create(b, all.getType(), all, spread);
  }
  auto zeroPoint = static_cast<int32_t>(yielded.code.getZeroPoint());
  if (zeroPoint == 0)
    return all;
  return LLVM::SAddSat::create(b, all.getType(), all, b.integer(all.getType(), zeroPoint));
}

static Value clampBytes(KernelBuilder &b, Value bytes, qir::ToCodeOp code, bool isSigned) {
  Type type = bytes.getType();
  auto lo = static_cast<int32_t>(code.getLo()), hi = static_cast<int32_t>(code.getHi());
  int32_t least = isSigned ? -128 : 0, most = isSigned ? 127 : 255;
  auto constant = [&](int32_t value) { return b.integer(type, static_cast<int8_t>(value)); };
  if (lo > least)
    bytes = isSigned ? arith::MaxSIOp::create(b, bytes, constant(lo)).getResult()
                     : arith::MaxUIOp::create(b, bytes, constant(lo)).getResult();
  if (hi < most)
    bytes = isSigned ? arith::MinSIOp::create(b, bytes, constant(hi)).getResult()
                     : arith::MinUIOp::create(b, bytes, constant(hi)).getResult();
  return bytes;
}

/// Up to four groups of four lanes as 16 bytes; what is missing repeats the last group.
static Value narrowQuads(KernelBuilder &b, SmallVector<Value> quads, const Yielded &yielded,
                         bool isSigned) {
  size_t count = quads.size() <= 2 ? 2 : 4;
  while (quads.size() < count)
    quads.push_back(quads.back());
  StringRef name = isSigned ? "llvm.aarch64.neon.sqxtn.v8i8" : "llvm.aarch64.neon.sqxtun.v8i8";
  auto octet = VectorType::get({8}, b.getI8Type());
  Value low = b.intrinsic(name, octet, narrowPair(b, ArrayRef(quads).take_front(2), yielded));
  Value high = low;
  if (count == 4)
    high = b.intrinsic(name, octet, narrowPair(b, ArrayRef(quads).drop_front(2), yielded));
  return clampBytes(b, b.concatenate({low, high}), yielded.code, isSigned);
}

/// Four bytes as what a word holds: the back end widens vectors of four bytes, but stores words.
static Value throughWord(KernelBuilder &b, Value bytes) {
  Value word = b.bitcast(bytes, VectorType::get({1}, b.getI32Type()));
  return b.bitcast(word, bytes.getType());
}

/// Bytes [first, first + count) of the vector, in as few stores as powers of two allow.
static void storePieces(KernelBuilder &b, Value bytes, int64_t first, int64_t count, Value memref,
                        Value offset) {
  for (int64_t done = 0; done < count;) {
    int64_t size = byteLanes;
    while (size > count - done)
      size /= 2;
    Value piece = b.extract(bytes, first + done, size);
    if (size == 1)
      piece = vector::ExtractOp::create(b, bytes, first + done);
    else if (size == 4)
      piece = throughWord(b, piece);
    b.storeRaw(piece, memref, b.add(offset, done), size);
    done += size;
  }
}

static int64_t lanesOf(const PendingStore &pending) {
  return KernelBuilder::lanesOf(pending.yielded.value.getType());
}

/// Stores groups that were narrowed together; neighbours at once.
static void storeGroups(KernelBuilder &b, Value bytes, ArrayRef<PendingStore> stores) {
  int64_t at = 0;
  for (size_t first = 0; first < stores.size();) {
    const PendingStore &head = stores[first];
    size_t last = first + 1;
    int64_t lanes = lanesOf(head), valid = head.valid;
    while (last < stores.size() && valid == lanes && stores[last].base == head.base &&
           stores[last].buffer.memref == head.buffer.memref &&
           stores[last].delta == head.delta + lanes) {
      valid = lanes + stores[last].valid;
      lanes += lanesOf(stores[last++]);
    }
    storePieces(b, bytes, at, valid, head.buffer.memref, b.add(head.base, head.delta));
    at += lanes;
    first = last;
  }
}

static bool narrows(const PendingStore &pending) {
  Type element = pending.buffer.element();
  int64_t lanes = lanesOf(pending);
  return pending.yielded.code && !pending.table && (lanes == 4 || lanes == 8 || lanes == 16) &&
         (element.isUnsignedInteger(8) || element.isSignedInteger(8));
}

void ArmStores::store(KernelBuilder &b, ArrayRef<PendingStore> stores) const {
  while (!stores.empty()) {
    const PendingStore &head = stores.front();
    if (!narrows(head)) {
      StoreEmitter::store(b, stores.take_front(1));
      stores = stores.drop_front(1);
      continue;
    }
    SmallVector<Value> quads;
    size_t count = 0;
    int64_t lanes = 0;
    while (count < stores.size() && narrows(stores[count]) &&
           stores[count].yielded.code == head.yielded.code &&
           lanes + lanesOf(stores[count]) <= byteLanes) {
      lanes += lanesOf(stores[count]);
      appendQuads(b, stores[count++].yielded.value, quads);
    }
    bool isSigned = head.buffer.element().isSignedInteger();
    storeGroups(b, narrowQuads(b, quads, head.yielded, isSigned), stores.take_front(count));
    stores = stores.drop_front(count);
  }
}

} // namespace quern
