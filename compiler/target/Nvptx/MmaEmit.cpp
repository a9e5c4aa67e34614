// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/PlainContraction.h"
#include "compiler/target/Nvptx/Device.h"
#include "compiler/target/Nvptx/DeviceHalo.h"
#include "compiler/target/Nvptx/MmaContraction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace quern {

namespace {

/// The fragments of a warp's part: 4 x 16 pixels by 4 x 8 channels, 4 sums of each in a lane.
constexpr int64_t rowFragments = MmaTile::warpPixels / 16;
constexpr int64_t columnFragments = MmaTile::warpChannels / 8;
constexpr int64_t sumCount = rowFragments * columnFragments * 4;

class MmaEmitter {
public:
  MmaEmitter(const EmitContext &context, const ContractionShape &shape, const MmaTile &tile,
             int64_t chunk)
      : context(context), b(context.b), shape(shape), tile(tile), chunk(chunk),
        left(context.view.input(context.view.anchor->getOperand(0))),
        right(context.view.input(context.view.anchor->getOperand(1))), epilogue(context) {
    auto packed = llvm::cast<qir::PackedAttr>(right.type.getEncoding());
    pieces = (shape.run + MmaTile::stepDepth - 1) / MmaTile::stepDepth;
    steps = shape.kernelRows * shape.kernelColumns * pieces;
    packedChannels = packed.getBytes() / (shape.groups * steps * MmaTile::stepDepth);
  }
  void emit();

private:
  using Values = SmallVector<Value>;
  /// What a thread copies of the left operand in each step: 16 bytes of a row.
  struct LeftCopy {
    Value source; ///< of the row's first term, with the thread's place in a step (index)
    Value exists; ///< i1
  };

  void begin();
  LeftCopy leftCopy(int64_t number);
  Value rightSource();
  /// The threads copy so many rows at once, 16 bytes each, and then those behind. As these are a
  /// multiple of eight rows, the groups of all rows of a thread change places alike.
  int64_t rowsPerPass() const { return tile.threads() / 4; }
  /// Starts the copies of a step into a stage; past the last step nothing is read.
  void load(Value step, Value stage);
  void loadLeft(const LeftCopy &copy, Value to, Value offset, Value remaining, Value exists);
  /// The sums with a step's products.
  Values multiply(Value stage, ValueRange sums);
  /// The words of a step's weights, half of its terms, for each fragment of 8 channels.
  SmallVector<Values> loadRight(Value stage, int64_t half);
  Values reduce();
  void finish(ValueRange sums);
  /// 16 pixels x 32 channels, which the warp passes through shared memory so that lanes become
  /// channels.
  void finishRows(ValueRange sums, int64_t fragment, Value staging);
  void finishElement(Value pixel, Value channel, Value sum);

  /// A row of a step in shared memory: its four groups of 16 bytes change places with the row.
  Value swizzled(Value row, Value group) {
    Value turn = device::rem(b, device::div(b, row, 2), 4);
    Value place = device::mul(b, device::bitXor(b, group, turn), 16);
    return device::add(b, device::mul(b, row, MmaTile::stepDepth), place);
  }
  Value smaller(Value x, int64_t bound) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, device::constant(b, bound));
  }
  bool isFloat() const { return llvm::isa<FloatType>(left.element()); }
  Type sumType() { return isFloat() ? Type(b.getF32Type()) : Type(b.getI32Type()); }
  Value zero() { return isFloat() ? b.real(sumType(), 0) : device::constant(b, 0); }

  const EmitContext &context;
  KernelBuilder &b;
  const ContractionShape &shape;
  const MmaTile &tile;
  int64_t chunk;
  Buffer left, right;
  ElementEpilogue epilogue;
  int64_t pieces = 1, steps = 1, packedChannels = 0;

  Value shared, leftPointer, rightPointer;
  Value thread, lane, warpRow, warpColumn; ///< i32
  Value firstPixel, firstChannel;          ///< of the tile, i32; channels count within the group
  Value group;                             ///< i32; null when there is one
  Values leftRows, rightRows;              ///< addresses of the lane's rows in a stage, per half
  SmallVector<LeftCopy> leftCopies;
  Value rightStart;  ///< the thread's first byte of a step's weights (index)
  Value destination; ///< of its first copies in a stage's part
};

} // namespace

void MmaEmitter::begin() {
  thread = device::threadIndex(b);
  lane = device::rem(b, thread, 32);
  Value warp = device::div(b, thread, 32);
  warpRow = device::div(b, warp, tile.warpColumns);
  warpColumn = device::rem(b, warp, tile.warpColumns);
  firstPixel = device::mul(b, device::blockIndexX(b), tile.pixels());
  Value panel = device::blockIndexY(b);
  int64_t panels = (shape.channels + tile.channels() - 1) / tile.channels();
  if (shape.groups > 1) {
    group = device::div(b, panel, panels);
    panel = device::rem(b, panel, panels);
  }
  firstChannel = device::mul(b, panel, tile.channels());
  shared = device::sharedMemory(b, MmaTile::stages * tile.stageBytes());
  leftPointer = device::globalPointer(b, left.memref);
  rightPointer = device::globalPointer(b, right.memref);
  for (int64_t i = 0; i < tile.pixels() / rowsPerPass(); ++i)
    leftCopies.push_back(leftCopy(i));
  rightStart = rightSource();
  destination = swizzled(device::div(b, thread, 4), device::rem(b, thread, 4));
  // Rows of 16 pixels, then of 16 channels, whose halves of 16 bytes the lanes take as ldmatrix and
  // mma want them.
  Value pixel =
      device::add(b, device::mul(b, warpRow, MmaTile::warpPixels), device::rem(b, lane, 16));
  Value eighth =
      device::add(b, device::rem(b, lane, 8), device::mul(b, device::div(b, lane, 16), 8));
  Value channel = device::add(b, device::mul(b, warpColumn, MmaTile::warpChannels), eighth);
  for (int64_t half = 0; half < 2; ++half) {
    leftRows.push_back(swizzled(pixel, device::add(b, device::div(b, lane, 16), 2 * half)));
    Value part = device::rem(b, device::div(b, lane, 8), 2);
    Value row = swizzled(channel, device::add(b, part, 2 * half));
    rightRows.push_back(device::add(b, row, tile.pixels() * MmaTile::stepDepth));
  }
}

MmaEmitter::LeftCopy MmaEmitter::leftCopy(int64_t number) {
  Value row = device::add(b, device::div(b, thread, 4), number * rowsPerPass());
  Value pixel = device::add(b, firstPixel, row);
  Value exists = smaller(pixel, shape.rows() * shape.columns);
  SmallVector<int64_t> sizes(shape.rowSizes);
  sizes.push_back(shape.columns);
  Values indices = delinearize(b, device::toIndex(b, pixel), sizes);
  Value source = shape.left.offset(b, indices);
  if (group)
    source = b.add(source, b.mul(device::toIndex(b, group), shape.leftGroup));
  Value place = device::mul(b, device::rem(b, thread, 4), 16);
  return {b.add(source, device::toIndex(b, place)), exists};
}

Value MmaEmitter::rightSource() {
  Value row = device::add(b, firstChannel, device::div(b, thread, 4));
  Value source = b.mul(device::toIndex(b, row), MmaTile::stepDepth);
  if (group)
    source = b.add(source,
                   b.mul(device::toIndex(b, group), steps * packedChannels * MmaTile::stepDepth));
  Value place = device::mul(b, device::rem(b, thread, 4), 16);
  return b.add(source, device::toIndex(b, place));
}

void MmaEmitter::loadLeft(const LeftCopy &copy, Value to, Value offset, Value remaining,
                          Value exists) {
  Value both = arith::AndIOp::create(b, exists, copy.exists);
  Value nothing = device::constant(b, 0);
  Value start = b.add(copy.source, offset);
  for (int64_t part = 0; part < 16; part += chunk) {
    Value bytes = device::add(b, remaining, -part);
    bytes = arith::MaxSIOp::create(b, bytes, nothing);
    bytes = arith::MinSIOp::create(b, bytes, device::constant(b, chunk));
    bytes = arith::SelectOp::create(b, both, bytes, nothing);
    // An address that is not read still belongs to the buffer.
    Value reads = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bytes, nothing);
    Value from = arith::SelectOp::create(b, reads, b.add(start, part), b.index(0));
    device::copyAsync(b, device::advance(b, to, part), device::advance(b, leftPointer, from), chunk,
                      bytes);
  }
}

void MmaEmitter::load(Value step, Value stage) {
  Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, step, b.index(steps));
  auto divide = [&](Value x, int64_t by) -> std::pair<Value, Value> {
    if (by == 1)
      return {x, b.index(0)};
    return {arith::DivUIOp::create(b, x, b.index(by)), arith::RemUIOp::create(b, x, b.index(by))};
  };
  auto [tap, piece] = divide(step, pieces);
  auto [row, column] = divide(tap, shape.kernelColumns);
  Value first = b.mul(piece, MmaTile::stepDepth);
  Value offset =
      b.add(first, b.add(b.mul(row, shape.leftKernelRow), b.mul(column, shape.leftKernelColumn)));
  // Terms of the run from the thread's place on; all its copies have the same.
  Value place = device::mul(b, device::rem(b, thread, 4), 16);
  Value done = device::add(b, arith::IndexCastOp::create(b, b.getI32Type(), first), place);
  Value remaining = arith::SubIOp::create(b, device::constant(b, shape.run), done);
  int64_t passBytes = rowsPerPass() * MmaTile::stepDepth;
  Value to = device::advance(b, stage, destination);
  for (auto [i, copy] : llvm::enumerate(leftCopies))
    loadLeft(copy, device::advance(b, to, i * passBytes), offset, remaining, exists);
  to = device::advance(b, to, tile.pixels() * MmaTile::stepDepth);
  Value weights = b.add(rightStart, b.mul(step, packedChannels * MmaTile::stepDepth));
  Value from = arith::SelectOp::create(b, exists, weights, b.index(0));
  Value bytes = arith::SelectOp::create(b, exists, device::constant(b, 16), device::constant(b, 0));
  Value source = device::advance(b, rightPointer, from);
  for (int64_t i = 0; i < tile.channels() / rowsPerPass(); ++i)
    device::copyAsync(b, device::advance(b, to, i * passBytes),
                      device::advance(b, source, i * passBytes), 16, bytes);
  device::commitCopies(b);
}

SmallVector<MmaEmitter::Values> MmaEmitter::loadRight(Value stage, int64_t half) {
  SmallVector<Values> fragments;
  Value row = device::advance(b, stage, rightRows[half]);
  for (int64_t j = 0; j < columnFragments; j += 2) {
    Values words =
        device::loadMatrices(b, device::advance(b, row, j / 2 * 16 * MmaTile::stepDepth));
    fragments.push_back({words[0], words[1]});
    fragments.push_back({words[2], words[3]});
  }
  return fragments;
}

MmaEmitter::Values MmaEmitter::multiply(Value stage, ValueRange sums) {
  SmallVector<Values> rights[] = {loadRight(stage, 0), loadRight(stage, 1)};
  Values result;
  // Sixteen rows at a time, so that few partial sums are alive beside the sums.
  for (int64_t i = 0; i < rowFragments; ++i) {
    ValueRange rowSums = sums.slice(i * columnFragments * 4, columnFragments * 4);
    // Tensor cores keep sums of 8-bit floats to 13 bits: those of a step go to real f32.
    Values partial(isFloat() ? Values(columnFragments * 4, zero()) : Values(rowSums));
    for (int64_t half = 0; half < 2; ++half) {
      Value row = device::advance(b, stage, leftRows[half]);
      Values left = device::loadMatrices(b, device::advance(b, row, i * 16 * MmaTile::stepDepth));
      Values next;
      for (int64_t j = 0; j < columnFragments; ++j)
        llvm::append_range(next, device::multiplyAdd(b, ValueRange(partial).slice(4 * j, 4), left,
                                                     rights[half][j], this->left.element(),
                                                     right.element()));
      partial = next;
    }
    for (auto [value, sum] : llvm::zip(partial, rowSums))
      result.push_back(isFloat() ? arith::AddFOp::create(b, sum, value).getResult() : value);
  }
  return result;
}

MmaEmitter::Values MmaEmitter::reduce() {
  auto stageAt = [&](Value step) {
    Value number = arith::RemUIOp::create(b, step, b.index(MmaTile::stages));
    return device::advance(b, shared, b.mul(number, tile.stageBytes()));
  };
  constexpr int64_t ahead = MmaTile::stages - 1;
  for (int64_t step = 0; step < ahead; ++step)
    load(b.index(step), stageAt(b.index(step)));
  Values start(sumCount, zero());
  Values sums = b.loop(b.index(0), b.index(steps), 1, start, [&](Value step, ValueRange carried) {
    device::waitForCopies(b, ahead - 1);
    device::barrier(b); // and all have multiplied the step before, whose stage is filled again
    Value next = b.add(step, ahead);
    load(next, stageAt(next));
    return multiply(stageAt(step), carried);
  });
  device::waitForCopies(b, 0);
  device::barrier(b); // the stages are free
  return sums;
}

/// Words between rows of the passage: so that the eight rows that a warp writes at once lie in
/// different banks.
static constexpr int64_t stagingPitch = MmaTile::warpChannels + 4;

void MmaEmitter::finishElement(Value pixel, Value channel, Value sum) {
  auto type = llvm::cast<RankedTensorType>(context.view.anchor->getResult(0).getType());
  Values indices = delinearize(b, pixel, type.getShape().drop_back());
  if (group)
    channel = b.add(b.mul(device::toIndex(b, group), shape.channels), channel);
  indices.push_back(channel);
  epilogue.finish(indices, {sum}, Value());
}

void MmaEmitter::finishRows(ValueRange sums, int64_t fragment, Value staging) {
  device::warpBarrier(b); // what was passed before has been read
  Value row = device::div(b, lane, 4), column = device::mul(b, device::rem(b, lane, 4), 2);
  Value corner = device::mul(b, device::add(b, device::mul(b, row, stagingPitch), column), 4);
  for (int64_t j = 0; j < columnFragments; ++j)
    for (int64_t e = 0; e < 4; ++e) {
      int64_t offset = 4 * (e / 2 * 8 * stagingPitch + 8 * j + e % 2);
      Value sum = sums[(fragment * columnFragments + j) * 4 + e];
      LLVM::StoreOp::create(b, sum, device::advance(b, device::advance(b, staging, corner), offset),
                            4);
    }
  device::warpBarrier(b);
  Value firstRow = device::add(b, firstPixel, device::mul(b, warpRow, MmaTile::warpPixels));
  Value channel = device::add(
      b, device::add(b, firstChannel, device::mul(b, warpColumn, MmaTile::warpChannels)), lane);
  Value pixels = b.index(shape.rows() * shape.columns);
  b.ifThen(smaller(channel, shape.channels), [&] {
    b.loop(0, 16, 1, [&](Value r) {
      Value pixel = b.add(b.add(device::toIndex(b, firstRow), 16 * fragment), r);
      Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, pixel, pixels);
      b.ifThen(exists, [&] {
        Value place = b.mul(b.add(b.mul(r, stagingPitch), device::toIndex(b, lane)), 4);
        Value sum = LLVM::LoadOp::create(b, sumType(), device::advance(b, staging, place), 4);
        finishElement(pixel, device::toIndex(b, channel), sum);
      });
    });
  });
}

void MmaEmitter::finish(ValueRange sums) {
  Value warp = device::div(b, thread, 32);
  Value staging = device::advance(b, shared, device::mul(b, warp, 16 * stagingPitch * 4));
  for (int64_t fragment = 0; fragment < rowFragments; ++fragment)
    finishRows(sums, fragment, staging);
  device::fillHalos(context);
}

void MmaEmitter::emit() {
  auto [rows, columns] = getMmaGrid(shape, tile);
  device::setLaunch(b.getFunction(), rows, columns, tile.threads());
  begin();
  finish(reduce());
}

LogicalResult emitMmaContraction(const EmitContext &context, const ContractionShape &shape,
                                 const MmaTile &tile, int64_t chunk) {
  MmaEmitter(context, shape, tile, chunk).emit();
  return success();
}

} // namespace quern
