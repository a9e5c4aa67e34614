// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Nvptx/NvptxChips.h"

namespace quern {

llvm::ArrayRef<NvptxChip> getNvptxChips() {
  static constexpr NvptxChip chips[] = {
      {"sm_80", 80, "+ptx80", false, "NVIDIA A100 and later; int8 only"},
      {"sm_89", 89, "+ptx84", true, "NVIDIA L4, L40, RTX 40 and later"},
      {"sm_90a", 90, "+ptx84", true, "NVIDIA H100, H200"},
      {"sm_100a", 100, "+ptx86", true, "NVIDIA B200"},
      {"sm_120a", 120, "+ptx87", true, "NVIDIA RTX 50"},
  };
  return chips;
}

} // namespace quern
