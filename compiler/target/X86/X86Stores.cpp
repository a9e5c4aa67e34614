// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/X86/X86Stores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace quern {

/// 16 lanes of i32, in range of nothing: what packs saturate. NaN becomes the smallest integer.
static Value roundLanes(KernelBuilder &b, const Yielded &yielded) {
  Value x = yielded.value;
  if (!yielded.code.getBounded()) {
    // vcvtps2dq turns large positive values into the smallest integer; large negative ones and NaN
    // are right as they come. `bound < x ? bound : x` is one vminps that lets NaN pass.
    Value bound = b.real(x.getType(), 1073741824.0f);
    Value less = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, bound, x);
    x = arith::SelectOp::create(b, less, bound, x);
  }
  return b.roundToInteger(x);
}

static Value addZeroPoint(KernelBuilder &b, Value words, const Yielded &yielded) {
  Type type = words.getType();
  auto zeroPoint = static_cast<int32_t>(yielded.code.getZeroPoint());
  Value scalar = yielded.dynamicZeroPoint ? b.loadedOnce(yielded.dynamicZeroPoint) : Value();
  if (scalar) {
    Value spread = b.once(scalar, [&](Value loaded) {
      return b.splat(arith::TruncIOp::create(b, b.getI16Type(), loaded), 32);
    });
    words = LLVM::SAddSat::create(b, type, words, spread);
  } else if (Value dynamic = yielded.dynamicZeroPoint) {
    // The same zero point in all lanes: narrow one and spread it.
    Value narrow = arith::TruncIOp::create(b, VectorType::get({16}, b.getI16Type()), dynamic);
    SmallVector<int64_t> indices(32);
    for (int64_t i = 0; i < 32; ++i)
      indices[i] = i % 16;
    words = LLVM::SAddSat::create(b, type, words, b.shuffle(narrow, narrow, indices));
  }
  if (zeroPoint == 0)
    return words;
  return LLVM::SAddSat::create(b, type, words, b.integer(type, zeroPoint));
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

/// Stores up to four groups from their 64 bytes in order, neighbours together.
static void storeChunks(KernelBuilder &b, Value bytes, ArrayRef<PendingStore> stores) {
  for (size_t first = 0; first < stores.size();) {
    const PendingStore &head = stores[first];
    size_t last = first + 1;
    auto joins = [&](size_t i) {
      return stores[i].base == head.base && stores[i].buffer.memref == head.buffer.memref &&
             stores[i].delta == head.delta + 16 * static_cast<int64_t>(i - first) &&
             stores[i - 1].valid == 16;
    };
    while (last < stores.size() && joins(last))
      ++last;
    int64_t lanes = 16 * (last - first), valid = lanes - 16 + stores[last - 1].valid;
    Value chunk = lanes == 64 ? bytes : b.extract(bytes, 16 * first, lanes);
    b.storeRaw(chunk, head.buffer.memref, b.add(head.base, head.delta), valid);
    first = last;
  }
}

Value packInterleaved(KernelBuilder &b, ArrayRef<Yielded> groups, bool isSigned) {
  auto words = VectorType::get({32}, b.getI16Type());
  auto bytes = VectorType::get({64}, b.getI8Type());
  SmallVector<Value> lanes;
  for (const Yielded &group : groups)
    lanes.push_back(roundLanes(b, group));
  while (lanes.size() < 4)
    lanes.push_back(lanes.back());
  auto packPair = [&](int64_t first) {
    Value pair =
        b.intrinsic("llvm.x86.avx512.packssdw.512", words, {lanes[first], lanes[first + 1]});
    return addZeroPoint(b, pair, groups.front());
  };
  Value low = packPair(0), high = groups.size() <= 2 ? low : packPair(2);
  StringRef name = isSigned ? "llvm.x86.avx512.packsswb.512" : "llvm.x86.avx512.packuswb.512";
  return clampBytes(b, b.intrinsic(name, bytes, {low, high}), groups.front().code, isSigned);
}

static void storePacked(KernelBuilder &b, ArrayRef<PendingStore> stores) {
  auto bytes64 = VectorType::get({64}, b.getI8Type());
  auto groups =
      llvm::map_to_vector<4>(stores, [](const PendingStore &pending) { return pending.yielded; });
  Value bytes = packInterleaved(b, groups, stores.front().buffer.element().isSignedInteger());
  // The packs work in 128-bit lanes: double word 4L+j holds lanes 4L.. of group j.
  SmallVector<int64_t> order(16);
  for (int64_t i = 0; i < 16; ++i)
    order[i] = i % 4 * 4 + i / 4;
  auto words16 = VectorType::get({16}, b.getI32Type());
  Value quads = b.bitcast(bytes, words16);
  bytes = b.bitcast(b.shuffle(quads, quads, order), bytes64);
  if (const StoredTable *table = stores.front().table)
    bytes = table->lookUp(b, bytes);
  storeChunks(b, bytes, stores);
}

void Avx512Stores::store(KernelBuilder &b, ArrayRef<PendingStore> stores) const {
  auto packs = [](const PendingStore &pending) {
    Type element = pending.buffer.element();
    return pending.yielded.code && KernelBuilder::lanesOf(pending.yielded.value.getType()) == 16 &&
           (element.isUnsignedInteger(8) || element.isSignedInteger(8));
  };
  while (!stores.empty()) {
    size_t count = 0;
    while (count < std::min<size_t>(4, stores.size()) && packs(stores[count]) &&
           stores[count].yielded.code == stores.front().yielded.code)
      ++count;
    if (count == 0) {
      StoreEmitter::store(b, stores.take_front(1));
      count = 1;
    } else {
      storePacked(b, stores.take_front(count));
    }
    stores = stores.drop_front(count);
  }
}

} // namespace quern
