// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_INTERFACES_TARGETMODEL_H
#define QUERN_PASSES_INTERFACES_TARGETMODEL_H

#include "dialects/Quern/QuernOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quern {

/// What one thread of a target's machine does in a second, on work that lies in its cache: what the
/// cost model (passes/Codegen/CostModel.h) is made of where a target knows no better.
struct TargetRates {
  double codeMacs = 200e9;  ///< multiply-accumulates of codes
  double floatMacs = 60e9;  ///< multiply-accumulates of f32
  double elementOps = 75e9; ///< scalar operations of maps, each element counted
  double bytes = 40e9;      ///< read or written
};

/// What the passes know of the machine that the program is compiled for. `compiler/target` has the
/// real ones, tests register fakes.
class TargetModel {
public:
  virtual ~TargetModel() = default;

  /// The target's name on the command line, for example `x86-vnni`.
  virtual llvm::StringRef getName() const = 0;

  /// The left operand of integer contractions: ui8 (x86) or si8 (ARM). The right one is si8.
  virtual bool wantsUnsignedActivations() const { return true; }

  /// Whether contractions multiply codes that are 8-bit floats; if not, they get the codes' values
  /// in f32.
  virtual bool multipliesFloatCodes() const { return false; }

  /// Whether convolutions and pools read inputs that carry a halo (`#quern.padded`) where they
  /// have pads; if not, kernels test the borders themselves.
  virtual bool wantsPaddedInputs() const = 0;

  /// Whether the kernel of this window op (a `quern.conv` or `quern.pool` with pads) reads the halo
  /// of a padded input: pools usually walk the positions that exist.
  virtual bool readsHalo(mlir::Operation *window) const {
    return wantsPaddedInputs() && llvm::isa<qir::ConvOp>(window);
  }

  /// Whether the kernel of this contraction (a `quern.conv` or `quern.matmul`) goes on with a
  /// `quern.table` or `quern.softmax` of what it computes.
  virtual bool takesFollower(mlir::Operation * /*contraction*/,
                             mlir::Operation * /*follower*/) const {
    return false;
  }

  /// The packed form of the right operand (weights or matrix) of a `quern.conv` or `quern.matmul`,
  /// or null if the anchor's kernel reads it as it is (OHWI, [K, N] or [N, K] row-major).
  virtual qir::PackedAttr getPackedForm(mlir::Operation *anchor) const = 0;

  /// The packed form of constant scales or zero points of a `quern.matmul` with blocks of codes by
  /// codes, or null if its kernel reads them as they are ([blocks, columns] row-major).
  virtual qir::PackedAttr getBlockForm(qir::MatMulOp /*matmul*/, mlir::Value /*parameter*/) const {
    return {};
  }

  /// Packs constant weights: `bytes` row-major in the logical shape of the anchor's right operand
  /// (as `getConstantBytes` gives them), the result `form.getBytes()` long. With a form from
  /// `getBlockForm`, scales or zero points likewise.
  virtual std::vector<char> pack(mlir::Operation *anchor, qir::PackedAttr form,
                                 llvm::ArrayRef<char> bytes) const = 0;

  /// The tile of a dispatch, as the target's emitters read it, or null when they need none.
  virtual mlir::DictionaryAttr chooseTile(qir::DispatchOp dispatch) const = 0;

  /// Into how many independent units the dispatch's work is divided ([begin, end) of the kernel).
  virtual int64_t getUnits(qir::DispatchOp dispatch) const = 0;

  virtual TargetRates getRates() const { return {}; }

  /// Estimated seconds of one thread for the `macs` multiply-accumulates of a dispatch around a
  /// `quern.conv` or `quern.matmul`: by its kernel and tile, or, with `asFloat`, by the kernel that
  /// the same op would have if its operands were f32.
  virtual double estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const;

  /// In words, what slows the products of this dispatch of codes more than those of floats; empty
  /// if nothing but the instructions' rates does.
  virtual std::string explainProducts(qir::DispatchOp /*dispatch*/) const { return {}; }
};

} // namespace quern

#endif // QUERN_PASSES_INTERFACES_TARGETMODEL_H
