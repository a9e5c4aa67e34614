// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_INTERFACES_SAMPLESOURCE_H
#define QUERN_PASSES_INTERFACES_SAMPLESOURCE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstddef>

namespace quern {

/// The samples that a model is run on. `compiler/data` reads them from files, tests make them.
class SampleSource {
public:
  virtual ~SampleSource() = default;
  /// How many samples there are.
  virtual size_t size() const = 0;
  /// Writes sample `index` to one buffer for each input of the model, in the model's order, each of
  /// the size of one sample (the input's without its first dimension). The error says which file
  /// and line are bad.
  virtual llvm::Error read(size_t index, llvm::ArrayRef<char *> buffers) = 0;
};

} // namespace quern

#endif // QUERN_PASSES_INTERFACES_SAMPLESOURCE_H
