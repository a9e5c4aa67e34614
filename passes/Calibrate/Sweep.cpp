// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Sweep.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cstdlib>
#include <cstring>

using llvm::Error;
using llvm::Expected;

namespace quern {

void SlotBuffer::Free::operator()(char *memory) const { std::free(memory); }

SlotBuffer::SlotBuffer(size_t bytes) {
  constexpr size_t alignment = 64;
  size_t size = llvm::alignTo(std::max<size_t>(bytes, 1), alignment);
  this->bytes.reset(static_cast<char *>(std::aligned_alloc(alignment, size)));
  if (!this->bytes)
    llvm::report_bad_alloc_error("a buffer of a model");
  std::memset(this->bytes.get(), 0, size);
}

Expected<Sweep> Sweep::make(const CompiledModel &model, SampleSource &source,
                            std::vector<const void *> fixed) {
  Sweep sweep(model, source);
  size_t fed = model.getInputs().size() - fixed.size();
  std::optional<int64_t> batch;
  for (const TensorSlot &slot : model.getInputs().take_front(fed)) {
    int64_t first = slot.type.getRank() ? slot.type.getDimSize(0) : 1;
    if (batch.value_or(first) != first)
      return llvm::createStringError("input '" + slot.name + "': expected a batch of " +
                                     llvm::Twine(*batch) + " as the inputs before have, found " +
                                     llvm::Twine(first));
    batch = first;
    sweep.inputs.emplace_back(slot.getBytes());
    sweep.inputPointers.push_back(sweep.inputs.back().data());
  }
  sweep.batch = batch.value_or(1);
  llvm::append_range(sweep.inputPointers, fixed);
  for (const TensorSlot &slot : model.getOutputs()) {
    sweep.outputs.emplace_back(slot.getBytes());
    sweep.outputPointers.push_back(sweep.outputs.back().data());
  }
  return std::move(sweep);
}

Error Sweep::fill(size_t begin, size_t count) {
  std::vector<char *> buffers(inputs.size());
  for (size_t i = 0; i < static_cast<size_t>(batch); ++i) {
    for (auto [index, input] : llvm::enumerate(inputs)) {
      size_t bytes = model->getInputs()[index].getBytes() / batch;
      buffers[index] = input.data() + i * bytes;
      if (i >= count)
        std::memcpy(buffers[index], buffers[index] - bytes, bytes);
    }
    if (i < count)
      if (Error error = source->read(begin + i, buffers))
        return error;
  }
  return Error::success();
}

llvm::ArrayRef<char> Sweep::slice(const TensorSlot &slot, const SlotBuffer &buffer,
                                  size_t sample) const {
  llvm::ArrayRef<char> all(buffer.data(), slot.getBytes());
  if (slot.type.getRank() == 0 || slot.type.getDimSize(0) != batch)
    return all;
  size_t bytes = all.size() / batch;
  return all.slice(sample * bytes, bytes);
}

Error Sweep::run(size_t begin, size_t end, llvm::function_ref<Error(const Sample &)> visit) {
  std::vector<llvm::ArrayRef<char>> in(inputs.size()), out(outputs.size());
  for (size_t first = begin; first < end; first += batch) {
    size_t count = std::min<size_t>(batch, end - first);
    if (Error error = fill(first, count))
      return error;
    if (Error error = model->run(inputPointers, outputPointers))
      return error;
    for (size_t i = 0; i < count; ++i) {
      for (auto [index, input] : llvm::enumerate(inputs))
        in[index] = slice(model->getInputs()[index], input, i);
      for (auto [index, output] : llvm::enumerate(outputs))
        out[index] = slice(model->getOutputs()[index], output, i);
      if (Error error = visit({first + i, in, out}))
        return error;
    }
  }
  return Error::success();
}

std::optional<std::pair<bool, size_t>> Sweep::find(llvm::StringRef name) const {
  for (auto [index, slot] : llvm::enumerate(model->getOutputs()))
    if (slot.name == name)
      return std::pair(true, index);
  for (auto [index, slot] : llvm::enumerate(model->getInputs().take_front(inputs.size())))
    if (slot.name == name)
      return std::pair(false, index);
  return std::nullopt;
}

const TensorSlot &Sweep::getSlot(std::pair<bool, size_t> place) const {
  return place.first ? model->getOutputs()[place.second] : model->getInputs()[place.second];
}

template <typename T> static void convert(llvm::ArrayRef<char> bytes, std::vector<float> &storage) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    storage.push_back(static_cast<float>(value));
  }
}

static void convertFloats(llvm::ArrayRef<char> bytes, const llvm::fltSemantics &semantics,
                          std::vector<float> &storage) {
  for (size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    uint16_t bits;
    std::memcpy(&bits, bytes.data() + at, sizeof(bits));
    storage.push_back(
        static_cast<float>(llvm::APFloat(semantics, llvm::APInt(16, bits)).convertToDouble()));
  }
}

llvm::ArrayRef<float> asFloats(llvm::ArrayRef<char> bytes, mlir::Type element,
                               std::vector<float> &storage) {
  if (element.isF32())
    return {reinterpret_cast<const float *>(bytes.data()), bytes.size() / sizeof(float)};
  storage.clear();
  bool isUnsigned = element.isUnsignedInteger();
  if (element.isF64())
    convert<double>(bytes, storage);
  else if (element.isF16())
    convertFloats(bytes, llvm::APFloat::IEEEhalf(), storage);
  else if (element.isBF16())
    convertFloats(bytes, llvm::APFloat::BFloat(), storage);
  else if (element.getIntOrFloatBitWidth() <= 8)
    isUnsigned ? convert<uint8_t>(bytes, storage) : convert<int8_t>(bytes, storage);
  else if (element.getIntOrFloatBitWidth() == 16)
    isUnsigned ? convert<uint16_t>(bytes, storage) : convert<int16_t>(bytes, storage);
  else if (element.getIntOrFloatBitWidth() == 32)
    isUnsigned ? convert<uint32_t>(bytes, storage) : convert<int32_t>(bytes, storage);
  else
    isUnsigned ? convert<uint64_t>(bytes, storage) : convert<int64_t>(bytes, storage);
  return storage;
}

} // namespace quern
