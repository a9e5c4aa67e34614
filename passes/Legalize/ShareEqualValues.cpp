// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Passes.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/Hashing.h"

#include <unordered_map>

namespace quern {

#define GEN_PASS_DEF_SHAREEQUALVALUES
#include "passes/Legalize/Passes.h.inc"

namespace {

using namespace mlir;

/// What an op computes: everything but its location and its `site`.
struct Computation {
  OperationName name;
  SmallVector<Value> operands;
  SmallVector<Type> results;
  DictionaryAttr attributes;

  explicit Computation(Operation &op)
      : name(op.getName()), operands(op.getOperands()), results(op.getResultTypes()) {
    NamedAttrList list(op.getAttrDictionary());
    list.erase("site");
    attributes = list.getDictionary(op.getContext());
  }
  llvm::hash_code hash() const {
    return llvm::hash_combine(name.getAsOpaquePointer(), attributes,
                              llvm::hash_combine_range(operands),
                              llvm::hash_combine_range(results));
  }
  bool operator==(const Computation &other) const {
    return name == other.name && attributes == other.attributes && operands == other.operands &&
           results == other.results;
  }
};

struct ShareEqualValues : impl::ShareEqualValuesBase<ShareEqualValues> {
  void runOnOperation() override {
    for (Block &block : getOperation().getBody())
      shareIn(block);
  }

private:
  static void shareIn(Block &block) {
    std::unordered_map<size_t, SmallVector<Operation *, 1>> known;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (op.getNumRegions() != 0 || op.getNumResults() == 0 || !isPure(&op))
        continue;
      Computation computation(op);
      SmallVector<Operation *, 1> &candidates = known[computation.hash()];
      auto *equal = llvm::find_if(
          candidates, [&](Operation *other) { return Computation(*other) == computation; });
      if (equal == candidates.end()) {
        candidates.push_back(&op);
        continue;
      }
      op.replaceAllUsesWith((*equal)->getResults());
      op.erase();
    }
  }
};

} // namespace
} // namespace quern
