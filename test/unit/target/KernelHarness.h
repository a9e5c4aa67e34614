// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Runs one dispatch on every target that this machine can execute. The portable target is
/// the reference: all others must give its bytes.

#ifndef QUERN_TEST_UNIT_TARGET_KERNELHARNESS_H
#define QUERN_TEST_UNIT_TARGET_KERNELHARNESS_H

#include "DispatchText.h"
#include "EmulatedKernel.h"
#include "GuardedBuffer.h"

#include "compiler/target/TargetBackend.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace quern::test {

using Bytes = std::vector<char>;

/// Values of a random tensor: uniform between two bounds.
struct Range {
  double low, high;
};

struct Settings {
  /// Of inputs by number; without, all codes of the type, [-1000, 1000] for si32, [-4, 4] for f32,
  /// [0.0001, 0.01] for vectors of f32 (multipliers).
  std::map<unsigned, Range> ranges = {};
  /// Top, left, bottom, right of the first result on targets that want padded inputs.
  std::optional<Shape> halo = {};
  /// What the halo must hold; the text's `fill` says the same.
  int64_t fill = 0;
  unsigned seed = 1;
  /// Changes the random inputs where they depend on each other.
  std::function<void(std::vector<Bytes> &)> prepare = {};
  /// Keep the assembly, too.
  bool assembly = false;
  /// Pixels and output channels of a contraction's tiles, instead of what the target chooses; the
  /// channels fill whole vectors.
  std::optional<std::pair<int64_t, int64_t>> tile = {};
  /// "depthwise", "depthwise-pairs": a form of the shared emitter instead of the target's own.
  std::string form = {};
  /// The left operand of a contraction, and its pad value, are si8 where the text says ui8.
  bool isSigned = false;
};

/// A dispatch compiled for one target and loaded into this process. Inputs and results are dense,
/// row-major; what the target keeps otherwise is brought to its form and back here.
class CompiledDispatch {
public:
  /// Null with a test failure recorded if some step failed.
  static std::unique_ptr<CompiledDispatch>
  compile(const TargetBackend &backend, const std::string &text, const Settings &settings = {});
  ~CompiledDispatch();

  /// Inputs of the text's dispatch, which is only read.
  static std::vector<Bytes> randomInputsOf(const std::string &text, const Settings &settings);

  /// Whether the target's contractions take the follower of the text's dispatch.
  static bool takesFollower(const TargetBackend &backend, const std::string &text);

  int64_t units() const { return unitCount; }
  size_t inputCount() const;
  /// The element type of an input with its encoding, as a text of this target's dispatch has it.
  std::string storedElement(unsigned input) const;
  const std::string &assembly() const { return assemblyText; }
  std::vector<Bytes> randomInputs(const Settings &settings) const;
  /// Runs the units [cuts[i], cuts[i + 1]) one after the other and checks that nothing but the
  /// results changed.
  std::vector<Bytes> run(const std::vector<Bytes> &inputs, const std::vector<int64_t> &cuts);
  std::vector<Bytes> run(const std::vector<Bytes> &inputs) { return run(inputs, {0, unitCount}); }
  /// Kernels of another architecture run in an emulator, one process a run.
  bool isEmulated() const { return emulated != nullptr; }

  /// The parts of `run`, for measurements.
  std::vector<GuardedBuffer> makeBuffers(const std::vector<Bytes> &inputs) const;
  void call(const std::vector<GuardedBuffer> &buffers, int64_t begin, int64_t end) const;

private:
  explicit CompiledDispatch(const TargetBackend &backend);
  bool parse(const std::string &text);
  void assignLayouts(const Settings &settings);
  void makeSigned();
  bool link(bool wantsAssembly);
  Bytes toStorage(unsigned input, const std::vector<Bytes> &inputs) const;
  Bytes fromStorage(mlir::RankedTensorType type, const GuardedBuffer &buffer) const;

  const TargetBackend &backend;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Operation *dispatchOp = nullptr;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void *kernel = nullptr;
  std::unique_ptr<EmulatedKernel> emulated;
  int64_t unitCount = 0;
  int64_t fill = 0;
  std::string assemblyText;
};

/// Whether this machine executes the target's code.
bool runsHere(const TargetBackend &backend);

/// Compiles for all targets that run here and compares with the portable one, all units at once and
/// cut at random points. Targets of signed activations get the signed form of the text. Emulated
/// ones take their turns from test to test, for time; with QUERN_EMULATE_ALL set they run all.
void expectAgreement(const std::string &text, const Settings &settings = {});

/// The same for a contraction with a follower, on the targets that take it. The portable kernels
/// run the dispatches of `steps` instead, each of which but the first reads the result of the one
/// before, then inputs of the text.
void expectAgreement(const std::string &text, const std::vector<std::string> &steps,
                     const Settings &settings);

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_KERNELHARNESS_H
