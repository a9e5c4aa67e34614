// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/MapNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

namespace {
/// A loop dimension and its coefficient in every access.
struct Dimension {
  int64_t size;
  SmallVector<int64_t> coefficients;
};
} // namespace

/// Merges neighbours that every access walks as one, dropping sizes of 1.
static SmallVector<Dimension> collapse(ArrayRef<Dimension> dimensions) {
  SmallVector<Dimension> merged;
  for (const Dimension &dimension : dimensions) {
    if (dimension.size == 1)
      continue;
    bool joins = !merged.empty();
    for (size_t i = 0; joins && i < dimension.coefficients.size(); ++i)
      joins = merged.back().coefficients[i] == dimension.coefficients[i] * dimension.size;
    if (joins) {
      merged.back().size *= dimension.size;
      merged.back().coefficients = dimension.coefficients;
    } else {
      merged.push_back(dimension);
    }
  }
  return merged;
}

static SmallVector<Dimension> toDimensions(ArrayRef<int64_t> shape,
                                           ArrayRef<LinearAccess> accesses) {
  SmallVector<Dimension> dimensions;
  for (size_t d = 0; d < shape.size(); ++d) {
    Dimension dimension{shape[d], {}};
    for (const LinearAccess &access : accesses)
      dimension.coefficients.push_back(access.coefficients[d]);
    dimensions.push_back(std::move(dimension));
  }
  return dimensions;
}

/// Appends a dimension of `size`, along which each access steps by its coefficient in `dimension`
/// times `factor`.
static void append(MapNest &nest, const Dimension &dimension, int64_t factor) {
  for (auto [access, coefficient] : llvm::zip(nest.accesses, dimension.coefficients))
    access.coefficients.push_back(coefficient * factor);
}

std::optional<MapNest> MapNest::transposing(ArrayRef<int64_t> shape,
                                            ArrayRef<LinearAccess> accesses, size_t inputs,
                                            int64_t lanes) {
  SmallVector<Dimension> dimensions = collapse(toDimensions(shape, accesses));
  if (lanes == 1 || dimensions.size() < 2 || dimensions.back().size < lanes / 2)
    return std::nullopt;
  const Dimension inner = dimensions.pop_back_val();
  for (size_t i = inputs; i < accesses.size(); ++i)
    if (inner.coefficients[i] != 1)
      return std::nullopt;
  // The dimension along which all inputs can be loaded, and along which one that strides lies.
  auto loads = [&](const Dimension &dimension) {
    bool lies = false;
    for (size_t i = 0; i < inputs; ++i) {
      int64_t step = dimension.coefficients[i];
      if (step != 0 && step != 1)
        return false;
      lies |= step == 1 && inner.coefficients[i] > 1;
    }
    return lies && dimension.size >= lanes / 2;
  };
  auto *across = llvm::find_if(dimensions, loads);
  if (across == dimensions.end())
    return std::nullopt;
  const Dimension middle = *across;
  dimensions.erase(across);
  MapNest nest;
  nest.transposedLanes = lanes;
  nest.middle = middle.size;
  nest.inner = inner.size;
  for (const LinearAccess &access : accesses)
    nest.accesses.push_back({access.constant, {}});
  for (const Dimension &dimension : dimensions) {
    nest.units.push_back(dimension.size);
    append(nest, dimension, 1);
  }
  nest.units.push_back((middle.size + lanes - 1) / lanes);
  append(nest, middle, lanes);
  append(nest, middle, 1);
  append(nest, inner, 1);
  return nest;
}

MapNest MapNest::of(ArrayRef<int64_t> shape, ArrayRef<LinearAccess> accesses, bool keepRows) {
  SmallVector<Dimension> dimensions = toDimensions(shape, accesses);
  SmallVector<Dimension> outer, inner;
  if (keepRows) {
    outer.assign(dimensions.begin(), dimensions.begin() + 2);
    inner = collapse(ArrayRef(dimensions).drop_front(2));
  } else {
    inner = collapse(dimensions);
    size_t keep = inner.size() <= 2 ? 1 : 2;
    while (inner.size() > keep) {
      outer.push_back(inner.front());
      inner.erase(inner.begin());
    }
  }
  while (inner.size() < 2)
    inner.insert(inner.begin(), {1, SmallVector<int64_t>(accesses.size(), 0)});
  MapNest nest;
  for (const Dimension &dimension : outer)
    nest.units.push_back(dimension.size);
  nest.middle = inner[0].size;
  nest.inner = inner[1].size;
  for (size_t i = 0; i < accesses.size(); ++i) {
    LinearAccess access;
    access.constant = accesses[i].constant;
    for (const Dimension &dimension : outer)
      access.coefficients.push_back(dimension.coefficients[i]);
    access.coefficients.push_back(inner[0].coefficients[i]);
    access.coefficients.push_back(inner[1].coefficients[i]);
    nest.accesses.push_back(std::move(access));
  }
  return nest;
}

int64_t MapNest::unitCount() const {
  if (isFlat())
    return std::max<int64_t>(1, (inner + blockElements - 1) / blockElements);
  int64_t count = 1;
  for (int64_t size : units)
    count *= size;
  return count;
}

SmallVector<Value> MapNest::delinearize(KernelBuilder &b, Value unit) const {
  SmallVector<Value> indices(units.size());
  for (size_t d = units.size(); d-- > 0;) {
    if (d == 0) {
      indices[0] = unit;
      break;
    }
    if (units[d] == 1) {
      indices[d] = b.index(0);
      continue;
    }
    Value size = b.index(units[d]);
    indices[d] = arith::RemUIOp::create(b, unit, size);
    unit = arith::DivUIOp::create(b, unit, size);
  }
  return indices;
}

} // namespace quern
