// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/ArenaLayout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <numeric>
#include <tuple>

namespace quern {

namespace {

/// A buffer that has its place.
struct Placed {
  int64_t offset, end;
};

} // namespace

static bool liveTogether(const ArenaBuffer &a, const ArenaBuffer &b) {
  return a.first <= b.last && b.first <= a.last;
}

/// The lowest end of the smallest gap between `neighbours` (sorted by offset) of at least `bytes`.
static int64_t findGap(llvm::ArrayRef<Placed> neighbours, int64_t bytes, int64_t alignment) {
  int64_t best = -1, bestSize = std::numeric_limits<int64_t>::max(), free = 0;
  for (const Placed &next : neighbours) {
    int64_t size = next.offset - free;
    if (size >= bytes && size < bestSize) {
      best = free;
      bestSize = size;
    }
    free = std::max<int64_t>(free, llvm::alignTo(next.end, alignment));
  }
  return best >= 0 ? best : free;
}

static ArenaLayout place(llvm::ArrayRef<ArenaBuffer> buffers, llvm::ArrayRef<size_t> order,
                         int64_t alignment) {
  ArenaLayout layout;
  layout.offsets.assign(buffers.size(), -1);
  std::vector<Placed> neighbours;
  for (size_t index : order) {
    const ArenaBuffer &buffer = buffers[index];
    neighbours.clear();
    for (size_t other = 0; other < buffers.size(); ++other)
      if (layout.offsets[other] >= 0 && liveTogether(buffer, buffers[other]))
        neighbours.push_back({layout.offsets[other], layout.offsets[other] + buffers[other].bytes});
    llvm::sort(neighbours, [](const Placed &a, const Placed &b) { return a.offset < b.offset; });
    int64_t offset = findGap(neighbours, buffer.bytes, alignment);
    layout.offsets[index] = offset;
    layout.end = std::max(layout.end, offset + buffer.bytes);
  }
  return layout;
}

ArenaLayout layOutArena(llvm::ArrayRef<ArenaBuffer> buffers, int64_t alignment) {
  std::vector<size_t> bySize(buffers.size());
  std::iota(bySize.begin(), bySize.end(), 0);
  std::vector<size_t> byTime = bySize, byArea = bySize;
  // Ties are broken by index, so that equal inputs give equal layouts.
  llvm::sort(bySize, [&](size_t a, size_t b) {
    return std::tuple(-buffers[a].bytes, a) < std::tuple(-buffers[b].bytes, b);
  });
  llvm::sort(byTime, [&](size_t a, size_t b) {
    return std::tuple(buffers[a].first, -buffers[a].bytes, a) <
           std::tuple(buffers[b].first, -buffers[b].bytes, b);
  });
  auto area = [&](size_t i) {
    return -static_cast<double>(buffers[i].bytes) * (buffers[i].last - buffers[i].first + 1);
  };
  llvm::sort(byArea,
             [&](size_t a, size_t b) { return std::tuple(area(a), a) < std::tuple(area(b), b); });
  ArenaLayout best = place(buffers, bySize, alignment);
  for (const std::vector<size_t> &order : {byTime, byArea}) {
    ArenaLayout layout = place(buffers, order, alignment);
    if (layout.end < best.end)
      best = std::move(layout);
  }
  return best;
}

} // namespace quern
