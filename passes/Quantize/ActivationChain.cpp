// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/ActivationChain.h"

#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/Segments.h"

#include "llvm/ADT/STLExtras.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

std::vector<TensorSlot> getInputSlots(mlir::ModuleOp module) {
  std::vector<TensorSlot> slots;
  for (mlir::BlockArgument argument : getMain(module).getArguments())
    slots.push_back(
        {getSite(argument).str(), llvm::cast<mlir::RankedTensorType>(argument.getType())});
  return slots;
}

/// Writes the samples of one run, the last one again where there are no more.
static Error storeRun(SampleStore &store, size_t run, size_t batch, SampleSource &source) {
  std::vector<SlotBuffer> buffers;
  for (const TensorSlot &slot : store.getSlots())
    buffers.emplace_back(slot.getBytes());
  std::vector<char *> places(buffers.size());
  for (size_t i = 0; i < batch; ++i) {
    for (auto [index, slot] : llvm::enumerate(store.getSlots()))
      places[index] = buffers[index].data() + i * (slot.getBytes() / batch);
    size_t sample = std::min(run * batch + i, source.size() - 1);
    if (Error error = source.read(sample, places))
      return error;
  }
  for (size_t index = 0; index < buffers.size(); ++index)
    if (Error error = store.write(run, index, buffers[index].data()))
      return error;
  return Error::success();
}

Expected<ActivationChain> ActivationChain::start(const ModelRunner &runner,
                                                 std::vector<TensorSlot> inputs,
                                                 SampleSource &source) {
  auto getBatch = [](const TensorSlot &slot) {
    return slot.type.getRank() ? slot.type.getDimSize(0) : 1;
  };
  int64_t batch = inputs.empty() ? 1 : getBatch(inputs.front());
  for (const TensorSlot &slot : inputs)
    if (getBatch(slot) != batch || batch < 1)
      return llvm::createStringError("input '" + slot.name + "': expected a batch of " +
                                     llvm::Twine(batch) + " as the inputs before have, found " +
                                     llvm::Twine(getBatch(slot)));
  auto store = SampleStore::make(std::move(inputs));
  if (!store)
    return store.takeError();
  size_t runs = (source.size() + batch - 1) / batch;
  for (size_t run = 0; run < runs; ++run)
    if (Error error = storeRun(*store, run, batch, source))
      return std::move(error);
  return ActivationChain(runner, std::move(*store), runs);
}

/// Runs a segment over all that is stored; what stays live is copied.
Error ActivationChain::run(const CompiledModel &model, SampleStore &next) const {
  std::vector<SlotBuffer> buffers;
  std::vector<const void *> inputs;
  std::vector<void *> outputs;
  std::vector<size_t> from, to;
  for (const TensorSlot &slot : model.getInputs()) {
    buffers.emplace_back(slot.getBytes());
    inputs.push_back(buffers.back().data());
    from.push_back(*store.find(slot.name));
  }
  for (const TensorSlot &slot : model.getOutputs()) {
    buffers.emplace_back(slot.getBytes());
    outputs.push_back(buffers.back().data());
    to.push_back(*next.find(slot.name));
  }
  for (size_t run = 0; run < runs; ++run) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (Error error = store.read(run, from[i], buffers[i].data()))
        return error;
    if (Error error = model.run(inputs, outputs))
      return error;
    for (size_t i = 0; i < outputs.size(); ++i)
      if (Error error = next.write(run, to[i], outputs[i]))
        return error;
  }
  return Error::success();
}

static Error copyRuns(const SampleStore &from, SampleStore &to, size_t runs) {
  for (auto [index, slot] : llvm::enumerate(to.getSlots())) {
    auto source = from.find(slot.name);
    if (!source)
      continue;
    SlotBuffer buffer(slot.getBytes());
    for (size_t run = 0; run < runs; ++run) {
      if (Error error = from.read(run, *source, buffer.data()))
        return error;
      if (Error error = to.write(run, index, buffer.data()))
        return error;
    }
  }
  return Error::success();
}

Error ActivationChain::advance(mlir::ModuleOp module, llvm::ArrayRef<std::string> live,
                               llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp)> prepare) {
  std::vector<std::string> inputs, outputs;
  std::vector<TensorSlot> slots;
  for (const TensorSlot &slot : store.getSlots())
    inputs.push_back(slot.name);
  for (const std::string &site : live) {
    mlir::Value value = findSite(getMain(module), site);
    slots.push_back({site, llvm::cast<mlir::RankedTensorType>(value.getType())});
    if (!store.find(site))
      outputs.push_back(site);
  }
  if (outputs.empty())
    return Error::success(); // all is known; values that nobody needs any more do not matter
  mlir::OwningOpRef<mlir::ModuleOp> segment = extractSegment(module, inputs, outputs);
  if (!segment || mlir::failed(prepare(*segment)))
    return llvm::createStringError("");
  auto model = compileModel(*runner, *segment);
  if (!model)
    return model.takeError();
  auto next = SampleStore::make(std::move(slots));
  if (!next)
    return next.takeError();
  if (Error error = copyRuns(store, *next, runs))
    return error;
  if (Error error = run(**model, *next))
    return error;
  store = std::move(*next);
  return Error::success();
}

} // namespace quern
