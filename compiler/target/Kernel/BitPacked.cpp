// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/BitPacked.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

static constexpr llvm::StringLiteral formName = "bits";

bool isNarrowCode(Type element) {
  auto integer = llvm::dyn_cast<IntegerType>(element);
  return integer && !integer.isSignless() && integer.getWidth() >= 2 && integer.getWidth() < 8;
}

static int64_t packedBytes(RankedTensorType type) {
  return (type.getNumElements() * type.getElementTypeBitWidth() + 7) / 8 + 1;
}

qir::PackedAttr getBitPackedForm(RankedTensorType type) {
  return qir::PackedAttr::get(type.getContext(), formName, type.getShape().back(), 1,
                              packedBytes(type));
}

bool isBitPacked(RankedTensorType type) {
  auto packed = llvm::dyn_cast_if_present<qir::PackedAttr>(type.getEncoding());
  return packed && packed.getForm() == formName;
}

std::vector<char> packBits(RankedTensorType type, ArrayRef<char> bytes) {
  unsigned bits = type.getElementTypeBitWidth();
  std::vector<char> packed(packedBytes(type), 0);
  auto put = [&](int64_t byte, unsigned value) {
    packed[byte] = static_cast<char>(static_cast<unsigned char>(packed[byte]) | (value & 0xff));
  };
  int64_t place = 0;
  for (char code : bytes) {
    unsigned value = (static_cast<unsigned char>(code) & ((1u << bits) - 1)) << (place % 8);
    put(place / 8, value);
    put(place / 8 + 1, value >> 8);
    place += bits;
  }
  return packed;
}

Value loadPackedCode(KernelBuilder &b, const Buffer &buffer, Value number) {
  unsigned bits = buffer.type.getElementTypeBitWidth();
  Type word = b.getI32Type();
  Value place = b.mul(number, bits);
  Value byte = arith::ShRUIOp::create(b, place, b.index(3));
  Value shift =
      arith::IndexCastOp::create(b, word, arith::AndIOp::create(b, place, b.index(7)).getResult());
  auto load = [&](Value at) {
    return arith::ExtUIOp::create(b, word, b.loadRaw(buffer.memref, at, 1, 1)).getResult();
  };
  Value high = arith::ShLIOp::create(b, load(b.add(byte, 1)), b.integer(word, 8));
  Value both = arith::OrIOp::create(b, load(byte), high);
  // To the top and back, which also extends the sign.
  Value top = arith::ShLIOp::create(b, arith::ShRUIOp::create(b, both, shift).getResult(),
                                    b.integer(word, 32 - bits));
  if (buffer.element().isSignedInteger())
    return arith::ShRSIOp::create(b, top, b.integer(word, 32 - bits));
  return arith::ShRUIOp::create(b, top, b.integer(word, 32 - bits));
}

} // namespace quern
