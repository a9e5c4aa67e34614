// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Npy.h"

#include "llvm/Support/MathExtras.h"

namespace quern::driver {

static const char *getDescr(package::ElementType type) {
  static const char *const names[] = {"?",   "<f4", "<f2", "|V2", "<f8", "|b1",
                                      "|u1", "|i1", "<u2", "<i2", "<u4", "<i4",
                                      "<u8", "<i8", "|V1", "|V1", "|u1", "|i1"};
  auto index = static_cast<size_t>(type);
  return names[index < std::size(names) ? index : 0];
}

std::string makeNpyHeader(package::ElementType type, llvm::ArrayRef<int64_t> dims) {
  std::string text =
      "{'descr': '" + std::string(getDescr(type)) + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : dims)
    text += std::to_string(dim) + ",";
  text += "), }";
  constexpr size_t prelude = 10;
  constexpr size_t alignment = 64; // of the elements in the file
  text.resize(llvm::alignTo(prelude + text.size() + 1, alignment) - prelude - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 255);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

} // namespace quern::driver
