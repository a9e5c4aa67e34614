// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/PlainContraction.h"

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/BitPacked.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace quern {

namespace {
/// Contractions as the definition reads: one output element after the other, borders tested. The
/// reference for all tiled kernels. Units are the product of all output dimensions but the last
/// two.
class PlainEmitter {
public:
  explicit PlainEmitter(const EmitContext &context)
      : context(context), b(context.b), view(context.view), epilogue(context),
        left(view.input(view.anchor->getOperand(0))), right(view.input(view.anchor->getOperand(1))),
        output(llvm::cast<RankedTensorType>(view.anchor->getResult(0).getType())),
        isFloat(llvm::isa<FloatType>(left.element())), sums(view.anchor->getNumResults()) {}
  LogicalResult emit();
  LogicalResult emitByElement();

private:
  using Values = SmallVector<Value>;
  Values outerIndices(Value unit);
  Values compute(const Values &indices);
  /// Accumulates one output element; second value: the sum of the left codes, third: of the right.
  Values convolve(const Values &indices);
  Values multiply(const Values &indices);
  Values multiplyBlocks(qir::MatMulOp matmul, const Values &indices);
  Value scaleCode(qir::MatMulOp matmul, Value code, Value k, Value n);
  Values accumulate(const Values &carried, Value x, Value w);
  Value readPadded(qir::ConvOp conv, Value n, Value y, Value x, Value c);
  Values zeros();

  const EmitContext &context;
  KernelBuilder &b;
  const DispatchView &view;
  ElementEpilogue epilogue;
  Buffer left, right;
  RankedTensorType output;
  bool isFloat;
  unsigned sums;
};
} // namespace

PlainEmitter::Values PlainEmitter::zeros() {
  if (isFloat)
    return {b.real(b.getF32Type(), 0.0f)};
  return Values(3, b.integer(b.getI32Type(), 0));
}

PlainEmitter::Values PlainEmitter::accumulate(const Values &carried, Value x, Value w) {
  if (isFloat)
    return {math::FmaOp::create(b, x, w, carried[0])};
  Value product = arith::MulIOp::create(b, x, w);
  return {arith::AddIOp::create(b, carried[0], product), arith::AddIOp::create(b, carried[1], x),
          arith::AddIOp::create(b, carried[2], w)};
}

static Value loadElement(KernelBuilder &b, const Buffer &buffer, ArrayRef<Value> indices) {
  Value offset = LinearAccess::of(Layout::of(buffer.type)).offset(b, indices);
  if (isBitPacked(buffer.type))
    return loadPackedCode(b, buffer, offset);
  return b.toCompute(b.loadRaw(buffer.memref, offset, 1, 1), buffer.element());
}

/// The input, or the pad value outside of it.
Value PlainEmitter::readPadded(qir::ConvOp conv, Value n, Value y, Value x, Value c) {
  if (llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; }))
    return loadElement(b, left, {n, y, x, c});
  auto inside = [&](Value index, int64_t size) {
    // Negative indices are large as unsigned ones.
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, b.index(size)).getResult();
  };
  Value both = arith::AndIOp::create(b, inside(y, left.type.getDimSize(1)),
                                     inside(x, left.type.getDimSize(2)));
  Type type = isFloat ? Type(b.getF32Type()) : Type(b.getI32Type());
  auto choice = scf::IfOp::create(b, TypeRange{type}, both, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&choice.getThenRegion().front());
  scf::YieldOp::create(b, loadElement(b, left, {n, y, x, c}));
  b.setInsertionPointToStart(&choice.getElseRegion().front());
  Value outside = isFloat ? b.real(type, 0.0f) : b.integer(type, 0);
  if (conv.getPadValue()) {
    Buffer pad = view.input(conv.getPadValue());
    outside = b.toCompute(b.loadRaw(pad.memref, b.index(0), 1, 1), pad.element());
  }
  scf::YieldOp::create(b, outside);
  return choice.getResult(0);
}

PlainEmitter::Values PlainEmitter::convolve(const Values &indices) {
  auto conv = llvm::cast<qir::ConvOp>(view.anchor);
  auto weights = right.type;
  int64_t depth = weights.getDimSize(3), perGroup = weights.getDimSize(0) / conv.getGroups();
  Value group = arith::DivUIOp::create(b, indices[3], b.index(perGroup));
  Value firstChannel = b.mul(group, depth);
  auto position = [&](int64_t d, Value tap) {
    Value origin = b.add(b.mul(indices[1 + d], conv.getStrides()[d]), -conv.getPads()[d]);
    return b.add(origin, b.mul(tap, conv.getDilations()[d]));
  };
  auto bound = [&](int64_t d) { return b.index(weights.getDimSize(d)); };
  return b.loop(b.index(0), bound(1), 1, zeros(), [&](Value ky, ValueRange rows) {
    return b.loop(b.index(0), bound(2), 1, rows, [&](Value kx, ValueRange columns) {
      return b.loop(b.index(0), bound(3), 1, columns, [&](Value c, ValueRange carried) {
        Value x =
            readPadded(conv, indices[0], position(0, ky), position(1, kx), b.add(firstChannel, c));
        Value w = loadElement(b, right, {indices[3], ky, kx, c});
        return accumulate(Values(carried), x, w);
      });
    });
  });
}

/// The value of a weight that is stored as a code.
Value PlainEmitter::scaleCode(qir::MatMulOp matmul, Value code, Value k, Value n) {
  Value block = arith::DivUIOp::create(b, k, b.index(static_cast<int64_t>(*matmul.getBlockSize())));
  if (matmul.getZeroPoints()) {
    Buffer zeros = view.input(matmul.getZeroPoints());
    bool isShared = zeros.type.getNumElements() == 1;
    Values at(zeros.type.getRank(), b.index(0));
    if (!isShared)
      at = {block, n};
    code = arith::SubIOp::create(b, code, loadElement(b, zeros, at));
  }
  Value real = arith::SIToFPOp::create(b, b.getF32Type(), code);
  return arith::MulFOp::create(b, real, loadElement(b, view.input(matmul.getScales()), {block, n}));
}

/// Codes by codes with scales by blocks: exact sums of blocks, scaled and added in order.
PlainEmitter::Values PlainEmitter::multiplyBlocks(qir::MatMulOp matmul, const Values &indices) {
  Buffer scales = view.input(matmul.getScales());
  int64_t block = static_cast<int64_t>(*matmul.getBlockSize());
  Value n = indices.back(), none = b.integer(b.getI32Type(), 0);
  Values row(indices);
  auto leftAt = [&](Value number) {
    row.back() = number;
    return ArrayRef<Value>(row);
  };
  return b.loop(
      b.index(0), b.index(scales.type.getDimSize(0)), 1, {b.real(b.getF32Type(), 0.0f)},
      [&](Value number, ValueRange carried) -> Values {
        Value zero = none;
        if (matmul.getZeroPoints()) {
          Buffer zeros = view.input(matmul.getZeroPoints());
          bool isShared = zeros.type.getNumElements() == 1;
          zero = loadElement(
              b, zeros, isShared ? Values(zeros.type.getRank(), b.index(0)) : Values{number, n});
        }
        Value first = b.mul(number, block);
        Values sum =
            b.loop(b.index(0), b.index(block), 1, {none}, [&](Value i, ValueRange sums) -> Values {
              Value k = b.add(first, i);
              Value x = loadElement(b, left, leftAt(k));
              Value w =
                  loadElement(b, right, matmul.getTransposeRhs() ? Values{n, k} : Values{k, n});
              Value product =
                  arith::MulIOp::create(b, x, arith::SubIOp::create(b, w, zero).getResult());
              return {arith::AddIOp::create(b, sums[0], product)};
            });
        Value scale = loadElement(b, scales, {number, n});
        if (matmul.getLhsScales())
          scale = arith::MulFOp::create(
              b, loadElement(b, view.input(matmul.getLhsScales()), leftAt(number)), scale);
        Value real = arith::SIToFPOp::create(b, b.getF32Type(), sum[0]);
        return {math::FmaOp::create(b, real, scale, carried[0])};
      });
}

PlainEmitter::Values PlainEmitter::multiply(const Values &indices) {
  auto matmul = llvm::cast<qir::MatMulOp>(view.anchor);
  if (matmul.isBlockedInteger())
    return multiplyBlocks(matmul, indices);
  size_t rank = indices.size();
  auto operandIndices = [&](const Buffer &buffer, Value row, Value column) {
    Values result;
    for (int64_t d = 0; d + 2 < buffer.type.getRank(); ++d)
      result.push_back(buffer.type.getDimSize(d) == 1 ? b.index(0) : indices[d]);
    result.append({row, column});
    return result;
  };
  Value m = indices[rank - 2], n = indices[rank - 1];
  Value depth = b.index(left.type.getShape().back());
  Values values = b.loop(b.index(0), depth, 1, zeros(), [&](Value k, ValueRange carried) {
    Value x = loadElement(b, left, operandIndices(left, m, k));
    Value w = loadElement(b, right,
                          matmul.getTransposeRhs() ? operandIndices(right, n, k)
                                                   : operandIndices(right, k, n));
    if (matmul.getScales())
      w = scaleCode(matmul, w, k, n);
    return accumulate(Values(carried), x, w);
  });
  // In the order of the product's results: a missing sum of the left leaves its place to the other.
  if (!isFloat && !matmul.getLhsSum())
    std::swap(values[1], values[2]);
  return values;
}

void ElementEpilogue::finish(ArrayRef<Value> indices, ArrayRef<Value> accumulated, Value unit) {
  KernelBuilder &b = context.b;
  const DispatchView &view = context.view;
  SmallVector<Yielded> values;
  if (view.epilogue) {
    SmallVector<Value> arguments;
    for (const FusedMap::Source &source : map.sources) {
      if (source.anchor >= 0) {
        arguments.push_back(accumulated[source.anchor]);
        continue;
      }
      Value offset = source.access.offset(b, indices);
      arguments.push_back(
          b.toCompute(b.loadRaw(source.buffer.memref, offset, 1, 1), source.buffer.element()));
    }
    values = emitBody(b, view.epilogue.getBody().front(), arguments, 1);
  }
  extremes.take(values, accumulated[0]);
  extremes.store(unit);
  SmallVector<PendingStore> stores;
  for (auto [r, result] : llvm::enumerate(view.results)) {
    OpResult returned = view.returned[r];
    Yielded value{accumulated[0], nullptr, Value()};
    if (returned.getOwner() != view.anchor)
      value = values[returned.getResultNumber()];
    Value offset = LinearAccess::of(Layout::of(result.type)).offset(b, indices);
    stores.push_back({value, result, offset, 0, 1});
  }
  context.isa.stores().StoreEmitter::store(b, stores);
}

PlainEmitter::Values PlainEmitter::outerIndices(Value unit) {
  Values indices(output.getRank() - 2);
  for (size_t d = indices.size(); d-- > 0;) {
    Value size = b.index(output.getDimSize(d));
    indices[d] = arith::RemUIOp::create(b, unit, size);
    unit = arith::DivUIOp::create(b, unit, size);
  }
  return indices;
}

PlainEmitter::Values PlainEmitter::compute(const Values &indices) {
  return llvm::isa<qir::ConvOp>(view.anchor) ? convolve(indices) : multiply(indices);
}

LogicalResult PlainEmitter::emitByElement() {
  epilogue.begin(view.begin, view.end);
  b.loop(view.begin, view.end, 1, [&](Value unit) {
    Values indices = delinearize(b, unit, output.getShape());
    epilogue.finish(indices, compute(indices), unit);
  });
  return success();
}

LogicalResult PlainEmitter::emit() {
  int64_t rank = output.getRank();
  epilogue.begin(view.begin, view.end);
  b.loop(view.begin, view.end, 1, [&](Value unit) {
    Values outer = outerIndices(unit);
    b.loop(b.index(0), b.index(output.getDimSize(rank - 2)), 1, [&](Value row) {
      b.loop(b.index(0), b.index(output.getDimSize(rank - 1)), 1, [&](Value column) {
        Values indices(outer);
        indices.append({row, column});
        epilogue.finish(indices, compute(indices), unit);
      });
    });
    for (const Buffer &result : view.results)
      if (llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
        emitHalo(context, result, unit);
  });
  return success();
}

LogicalResult emitPlainContraction(const EmitContext &context) {
  return PlainEmitter(context).emit();
}

LogicalResult emitPlainContractionByElement(const EmitContext &context) {
  return PlainEmitter(context).emitByElement();
}

} // namespace quern
