// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_CONTRACTION_H
#define QUERN_COMPILER_TARGET_KERNEL_CONTRACTION_H

#include "compiler/target/Kernel/DispatchView.h"

namespace quern {

/// Steps of a tile's reduction that are written together: `pixels` x `vectors` sums over `count`
/// steps of `depth` terms each.
struct TileSteps {
  Buffer left;
  mlir::Value leftOffset; ///< of the first pixel's first term, in elements
  int64_t pixels = 1, pixelStep = 0;
  mlir::Value right;
  mlir::Value rightOffset; ///< of the first step's weights, in bytes
  int64_t vectors = 1;
  int64_t count = 1;
  int64_t lastTerms = 1; ///< terms of the last step that exist: where sums are wanted or the inner
                         ///< product `seesTerms`
  bool wantsSum = false; ///< of each pixel's terms, too
  bool packed = false;   ///< `left` is as `TileKernel::pack` wrote it
};

/// The reduction of a whole tile where an instruction set does not go pixel by pixel and vector by
/// vector: operands that serve several steps, accumulators that hold a block of the tile.
class TileKernel {
public:
  virtual ~TileKernel() = default;
  /// Steps whose operands are loaded together; longer reductions loop over as many.
  virtual int64_t unroll() const = 0;
  /// The registers that stand for a tile while it is reduced, from its accumulators [pixel][vector]
  /// and, where `wantsSum`, sums [pixel]; `end` is the way back.
  virtual llvm::SmallVector<mlir::Value> begin(KernelBuilder &b, mlir::ValueRange accumulators,
                                               int64_t pixels, int64_t vectors,
                                               bool wantsSum) const = 0;
  virtual llvm::SmallVector<mlir::Value> end(KernelBuilder &b, mlir::ValueRange registers,
                                             int64_t pixels, int64_t vectors,
                                             bool wantsSum) const = 0;
  virtual llvm::SmallVector<mlir::Value> multiply(KernelBuilder &b, const TileSteps &steps,
                                                  mlir::ValueRange registers) const = 0;

  /// Where pixels are combined on the way into registers: bytes of a step of so many pixels once
  /// combined. 0: pixels are read as they lie.
  virtual int64_t packedBytes(int64_t) const { return 0; }
  /// Writes the steps' left operands, combined, one step behind the other.
  virtual void pack(KernelBuilder & /*b*/, const TileSteps & /*steps*/, mlir::Value /*target*/,
                    mlir::Value /*offset*/) const {
    llvm_unreachable("the target does not combine pixels");
  }
};

/// The inner product of one instruction set: `lanes` output channels at a time, `depth` terms of
/// the reduction per step. One object is a row of the tile table.
class DotKernel {
public:
  virtual ~DotKernel() = default;
  virtual llvm::StringRef form() const = 0; ///< name of the packed weight form
  virtual int64_t lanes() const = 0;
  virtual int64_t depth() const = 0;
  /// Bytes of the packed weights of `lanes` channels and `depth` terms.
  virtual int64_t stepBytes() const = 0;
  /// Accumulator registers that leave room for operands.
  virtual int64_t accumulators() const = 0;
  virtual bool isFloat() const = 0;
  /// Instructions of one multiplyAdd, of which two start in a cycle.
  virtual double instructions() const { return 1; }
  /// What bringing a vector of weights into a register costs, in loads.
  virtual double loadCost() const { return 1; }
  /// Whether only those terms of a run's last step are multiplied that exist; if not, the packed
  /// weights are 0 where there are none.
  virtual bool seesTerms() const { return false; }
  /// While a tile is reduced its sums stand shifted to the left by so many bits: nothing may be
  /// added to them before they are shifted back, and they must have room for the shift.
  virtual unsigned sumShift() const { return 0; }
  /// How tiles are reduced, or null: step by step with the functions below.
  virtual const TileKernel *tiles() const { return nullptr; }

  /// Most vectors of a tile in lines of so many pixels, and most pixels of a tile of so many
  /// vectors, for which registers last.
  virtual int64_t mostVectors(int64_t columns) const;
  virtual int64_t mostRows(int64_t vectors, int64_t sums) const;
  /// Estimated cycles of one step of a tile, with so many sums of the left operand for each pixel.
  virtual double stepCycles(int64_t rows, int64_t vectors, int64_t sums) const;

  /// The operand shared by all lanes: `depth` consecutive elements of the activations.
  virtual llvm::SmallVector<mlir::Value> loadLeft(KernelBuilder &b, const Buffer &left,
                                                  mlir::Value offset) const = 0;
  virtual llvm::SmallVector<mlir::Value> loadRight(KernelBuilder &b, mlir::Value packed,
                                                   mlir::Value byteOffset) const = 0;
  virtual mlir::Value multiplyAdd(KernelBuilder &b, mlir::Value accumulator, mlir::ValueRange left,
                                  mlir::ValueRange right) const = 0;
  /// A right operand of ones in its first `terms` terms and zeros after, for sums of the left one.
  virtual llvm::SmallVector<mlir::Value> ones(KernelBuilder &b, int64_t terms) const = 0;
  /// The place in a packed step of the 32-bit word `word` of a lane's terms, in words.
  virtual int64_t packedWord(int64_t lane, int64_t word) const { return word * lanes() + lane; }
  /// Writes one weight into a packed step: channel `lane`, term `term`, from its raw bytes.
  virtual void packElement(char *step, int64_t lane, int64_t term, const char *element) const = 0;
};

/// A contraction as nested loops: rows x columns x channels of output, a reduction of
/// kernelRows x kernelColumns runs of `run` consecutive elements. Convolutions and matrix products
/// differ only in these numbers.
struct ContractionShape {
  /// Dimensions of the output that are walked row by row (outermost first); empty when all pixels
  /// lie in one line ("flat").
  llvm::SmallVector<int64_t> rowSizes;
  int64_t columns = 1;
  int64_t channels = 1; ///< per group
  int64_t groups = 1;
  int64_t kernelRows = 1, kernelColumns = 1, run = 1;
  /// Left operand: steps in elements.
  LinearAccess left; ///< over the rows' dimensions and, last, the column
  int64_t leftKernelRow = 0, leftKernelColumn = 0, leftGroup = 0;
  /// Right operand: which batch's matrix each row dimension selects (0: shared), in matrices.
  llvm::SmallVector<int64_t> rightRow;
  int64_t matrices = 1; ///< right-hand matrices in the packed buffer
  bool flat = false;
  bool sums = false; ///< the left operand's sums are wanted, too: an accumulator for each pixel

  int64_t rows() const;
  int64_t macs() const;
  int64_t terms() const { return kernelRows * kernelColumns * run; } ///< of one sum
  /// How many output dimensions make up the column (all but the last when flat).
  static mlir::FailureOr<ContractionShape> of(const DispatchView &view);
  /// The shape of weights alone, which packing needs: channels, groups, kernel, run, matrices.
  static ContractionShape ofWeights(mlir::Operation *anchor);
};

/// Sizes of the tiles: `rows` pixels x `vectors` groups of lanes, held in registers.
struct ContractionTile {
  int64_t rows = 1, vectors = 1;
  bool splitColumns = false; ///< units are panels of channels instead of rows of pixels
  int64_t block = 1;         ///< units of pixels that share one pass over the weights

  /// The tile of least estimated cycles; `fixedVectors`, if not 0, is what packing has settled.
  static ContractionTile choose(const ContractionShape &shape, const DotKernel &dot,
                                int64_t fixedVectors = 0);
  static ContractionTile parse(mlir::DictionaryAttr attribute);
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
};

/// Estimated cycles of a whole contraction in tiles of that size: the cost model by which `choose`
/// picks among them.
double estimateCycles(const ContractionShape &shape, const DotKernel &dot,
                      const ContractionTile &tile);

/// A range of equal pieces: `count` pieces of `size`, the first at `first`.
struct Pieces {
  int64_t first, count, size;
};
/// `total` in as few pieces of at most `most` as possible, sizes as equal as possible, larger
/// first.
llvm::SmallVector<Pieces> divideEvenly(int64_t total, int64_t most);

int64_t getContractionUnits(const ContractionShape &shape, const ContractionTile &tile,
                            const DotKernel &dot);
/// How weights of si16 lie behind the panels as far as these do not hold them. A panel has each
/// weight's nearest value of 8 bits; the steps in which some differ stand here once more, with the
/// differences. The kernel adds them to the panel's sums: exactly the product with the weights.
struct WeightRemainder {
  static constexpr int64_t placeBytes = 64;
  int64_t panels; ///< of one matrix; there is one matrix and one group
  int64_t
      starts; ///< offset of i32 [panels + 1]: the entries of panel p are [starts[p], starts[p + 1])
  int64_t entries;    ///< offset of the entries
  int64_t entryBytes; ///< place (i32 kernel row, kernel column, first term), then the panel's step

  /// `vectors` is the width that packing has settled.
  static WeightRemainder of(const ContractionShape &shape, const DotKernel &dot, int64_t vectors);
  /// Whether the contraction's weights are si16.
  static bool isNeeded(mlir::Operation *anchor);
  /// Whether the weights are one matrix for all channels.
  static bool isSupported(mlir::Operation *anchor);
};

/// Bytes of the packed right operand, if its weights are no si16.
int64_t getPackedBytes(const ContractionShape &shape, const DotKernel &dot);
/// Packs constant weights (OHWI, or [.., K, N], or transposed [.., N, K]); si16 ones with their
/// remainder.
std::vector<char> packWeights(mlir::Operation *anchor, const DotKernel &dot, int64_t vectors,
                              llvm::ArrayRef<char> bytes);
} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_CONTRACTION_H
