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
  if (Value dynamic = yielded.dynamicZeroPoint) {
    // The same zero point in all lanes: narrow one and spread it.
    int64_t lanes = KernelBuilder::lanesOf(dynamic.getType());
    Value narrow = arith::TruncIOp::create(b, VectorType::get({lanes}, b.getI16Type()), dynamic);
    SmallVector<int64_t> indices(2 * lanes);
    for (int64_t i = 0; i < 2 * lanes; ++i)
      indices[i] = i % lanes;
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

/// The intrinsic for 512, 256 and 128 bits.
static StringRef packName(int64_t lanes, StringRef wide, StringRef middle, StringRef narrow) {
  return lanes == 16 ? wide : lanes == 8 ? middle : narrow;
}

Value packInterleaved(KernelBuilder &b, ArrayRef<Yielded> groups, bool isSigned) {
  int64_t count = KernelBuilder::lanesOf(groups.front().value.getType());
  auto words = VectorType::get({2 * count}, b.getI16Type());
  auto bytes = VectorType::get({4 * count}, b.getI8Type());
  SmallVector<Value> lanes;
  for (const Yielded &group : groups)
    lanes.push_back(roundLanes(b, group));
  while (lanes.size() < 4)
    lanes.push_back(lanes.back());
  StringRef narrow = packName(count, "llvm.x86.avx512.packssdw.512", "llvm.x86.avx2.packssdw",
                              "llvm.x86.sse2.packssdw.128");
  Value low = addZeroPoint(b, b.intrinsic(narrow, words, {lanes[0], lanes[1]}), groups.front());
  Value high = low;
  if (groups.size() > 2)
    high = addZeroPoint(b, b.intrinsic(narrow, words, {lanes[2], lanes[3]}), groups.front());
  narrow = isSigned ? packName(count, "llvm.x86.avx512.packsswb.512", "llvm.x86.avx2.packsswb",
                               "llvm.x86.sse2.packsswb.128")
                    : packName(count, "llvm.x86.avx512.packuswb.512", "llvm.x86.avx2.packuswb",
                               "llvm.x86.sse2.packuswb.128");
  return clampBytes(b, b.intrinsic(narrow, bytes, {low, high}), groups.front().code, isSigned);
}

static void storePacked(KernelBuilder &b, ArrayRef<PendingStore> stores) {
  auto bytes64 = VectorType::get({64}, b.getI8Type());
  auto groups = llvm::map_to_vector<4>(
      stores, [](const PendingStore &pending) { return pending.yielded; });
  Value bytes = packInterleaved(b, groups, stores.front().buffer.element().isSignedInteger());
  // The packs work in 128-bit lanes: double word 4L+j holds lanes 4L.. of group j.
  SmallVector<int64_t> order(16);
  for (int64_t i = 0; i < 16; ++i)
    order[i] = i % 4 * 4 + i / 4;
  auto words16 = VectorType::get({16}, b.getI32Type());
  Value quads = b.bitcast(bytes, words16);
  storeChunks(b, b.bitcast(b.shuffle(quads, quads, order), bytes64), stores);
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
