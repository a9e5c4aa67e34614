// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Budget.h"

#include "compiler/board/Units.h"
#include "dialects/Quern/QuernOps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace quern {

using artifact::ArenaBuffer;
using artifact::Argument;
using artifact::Figures;
using artifact::Launch;
using artifact::Program;
using artifact::Variant;

namespace {

/// Something that takes a part of a limit.
struct Share {
  std::string name;
  double amount = 0;
};

} // namespace

static constexpr size_t mostNamed = 5;

static std::string formatBytes(double bytes) {
  return std::to_string(static_cast<uint64_t>(bytes)) + " bytes";
}

/// `'a' 512 bytes, 'b' 20 bytes`: the largest ones, the first of equal ones first.
static std::string listLargest(std::vector<Share> shares, std::string (*format)(double)) {
  llvm::sort(shares, [](const Share &a, const Share &b) {
    return std::pair(-a.amount, a.name) < std::pair(-b.amount, b.name);
  });
  std::string text;
  for (const Share &share : llvm::ArrayRef(shares).take_front(mostNamed))
    text += (text.empty() ? "'" : ", '") + share.name + "' " + format(share.amount);
  return text;
}

static std::string nameLaunch(const Launch &launch) {
  return launch.nodes.empty() ? launch.kernel : llvm::join(launch.nodes, ",");
}

/// The weights of each launch, those that several share by the first.
static std::vector<Share> getWeights(const Program &program) {
  std::vector<Share> shares;
  llvm::DenseSet<uint64_t> seen;
  for (const Launch &launch : program.launches) {
    uint64_t bytes = 0;
    for (const Argument &argument : launch.arguments)
      if (argument.space == Argument::Segment && seen.insert(argument.offset).second)
        bytes += argument.bytes;
    if (bytes)
      shares.push_back({nameLaunch(launch), static_cast<double>(bytes)});
  }
  return shares;
}

/// The buffers that are alive when the arena is fullest.
static std::vector<Share> getFullest(const Program &program) {
  uint64_t most = 0;
  uint32_t fullest = 0;
  for (uint32_t launch = 0; launch < program.launches.size(); ++launch) {
    uint64_t bytes = 0;
    for (const ArenaBuffer &buffer : program.arena)
      if (buffer.firstLaunch <= launch && launch <= buffer.lastLaunch)
        bytes += buffer.bytes;
    if (bytes > most) {
      most = bytes;
      fullest = launch;
    }
  }
  std::vector<Share> shares;
  for (const ArenaBuffer &buffer : program.arena)
    if (buffer.firstLaunch <= fullest && fullest <= buffer.lastLaunch)
      shares.push_back({buffer.name, static_cast<double>(buffer.bytes)});
  return shares;
}

static std::vector<Share> getTimes(const Program &program) {
  std::vector<Share> shares;
  shares.reserve(program.launches.size());
  for (const Launch &launch : program.launches)
    shares.push_back({nameLaunch(launch), launch.seconds});
  return shares;
}

/// The kernels by their frames, as the nodes that they compute.
static std::vector<Share> getFrames(llvm::ArrayRef<Variant> variants, const Figures &figures) {
  llvm::StringMap<std::string> nodes;
  for (const Variant &variant : variants)
    for (const Launch &launch : variant.program.launches)
      nodes.try_emplace(launch.kernel, nameLaunch(launch));
  std::vector<Share> shares;
  for (const auto &[kernel, bytes] : figures.kernelFrames) {
    auto found = nodes.find(kernel);
    shares.push_back({found == nodes.end() ? kernel : found->second, static_cast<double>(bytes)});
  }
  return shares;
}

static BrokenLimit breakBytes(llvm::StringRef what, uint64_t found, uint64_t expected,
                              llvm::StringRef whose, std::string largest) {
  return {(what + ": expected at most " + llvm::Twine(expected) + " bytes (" + whose + "), found " +
           llvm::Twine(found))
              .str(),
          std::move(largest)};
}

static uint64_t sumWeights(llvm::ArrayRef<Variant> variants) {
  uint64_t bytes = 0;
  for (const Variant &variant : variants)
    bytes += variant.program.segmentBytes;
  return bytes;
}

static std::string describeSize(llvm::ArrayRef<Variant> variants, const Figures &figures) {
  uint64_t weights = sumWeights(variants);
  std::string text = "weights take " + formatBytes(static_cast<double>(weights)) +
                     ", code and tables " +
                     formatBytes(static_cast<double>(figures.fileBytes - weights));
  std::string largest = listLargest(getWeights(variants.front().program), formatBytes);
  return largest.empty() ? text : text + "; the largest weights: " + largest;
}

std::vector<BrokenLimit> checkBudget(const Budget &budget, const Board *board,
                                     llvm::ArrayRef<Variant> variants, const Figures &figures) {
  std::vector<BrokenLimit> broken;
  auto program = [](const Variant &variant) -> const Program & { return variant.program; };
  const Program &arena = *std::max_element(
      llvm::map_iterator(variants.begin(), program), llvm::map_iterator(variants.end(), program),
      [](const Program &a, const Program &b) { return a.arenaBytes < b.arenaBytes; });
  const Program &slowest = *std::max_element(
      llvm::map_iterator(variants.begin(), program), llvm::map_iterator(variants.end(), program),
      [](const Program &a, const Program &b) { return a.estimate.seconds < b.estimate.seconds; });
  if (budget.size && figures.fileBytes > *budget.size)
    broken.push_back(breakBytes("size", figures.fileBytes, *budget.size, "--max-size",
                                describeSize(variants, figures)));
  if (budget.arena && arena.arenaBytes > *budget.arena)
    broken.push_back(
        breakBytes("arena", arena.arenaBytes, *budget.arena, "--max-arena",
                   "where it is fullest: " + listLargest(getFullest(arena), formatBytes)));
  if (budget.stack && figures.stackBytes > *budget.stack)
    broken.push_back(breakBytes("stack", figures.stackBytes, *budget.stack, "--max-stack",
                                "the largest frames: " +
                                    listLargest(getFrames(variants, figures), formatBytes)));
  if (budget.latency && slowest.estimate.seconds > *budget.latency)
    broken.push_back({"latency: expected at most " + formatSeconds(*budget.latency) +
                          " (--max-latency), estimated " + formatSeconds(slowest.estimate.seconds) +
                          " on " + std::to_string(slowest.estimate.threads) + " thread" +
                          (slowest.estimate.threads > 1 ? "s" : "") + " (" +
                          slowest.estimate.basis + ")",
                      "the longest: " + listLargest(getTimes(slowest), formatSeconds)});
  if (!board)
    return broken;
  if (board->flashBytes && figures.fileBytes > board->flashBytes)
    broken.push_back(breakBytes("size", figures.fileBytes, board->flashBytes,
                                "the flash of " + board->name, describeSize(variants, figures)));
  uint64_t memory = figures.fileBytes + arena.arenaBytes + figures.stackBytes;
  if (board->memoryBytes && memory > board->memoryBytes)
    broken.push_back(breakBytes("file, arena and stack", memory, board->memoryBytes,
                                "the memory of " + board->name, describeSize(variants, figures)));
  return broken;
}

} // namespace quern
