// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataSet.h"

#include "compiler/data/SampleValues.h"

#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

#include <numeric>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

static size_t countElements(llvm::ArrayRef<int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), size_t{1}, std::multiplies<>());
}

Error DataSet::makeError(unsigned line, const llvm::Twine &message) const {
  return llvm::createStringError(description.path + ":" + llvm::Twine(line) + ": " + message);
}

Expected<unsigned> DataSet::findColumn(StringRef name, unsigned line) const {
  if (!table)
    return makeError(line, "the column '" + name + "' needs a 'table'");
  if (auto column = table->findColumn(name))
    return *column;
  return makeError(line, "'" + description.table + "' has no column '" + name +
                             "', expected one of " + llvm::join(table->getColumns(), ", "));
}

/// What an image becomes must be what the model takes.
Error DataSet::fitImage(const Input &input) const {
  const ImageSteps &steps = input.source.image;
  mlir::Type element = input.slot.type.getElementType();
  if (!element.isF32() && !element.isUnsignedInteger(8))
    return makeError(input.source.line,
                     "input '" + input.slot.name + "': images fill float32 and uint8 inputs only");
  int64_t channels = steps.color == ImageSteps::Color::Gray ? 1 : 3;
  llvm::ArrayRef<int64_t> dims = input.sampleDims;
  bool fits = dims.size() == 3 && dims[steps.channelsFirst ? 0 : 2] == channels;
  if (!fits)
    return makeError(input.source.line, "input '" + input.slot.name + "': expected a layout of " +
                                            (steps.channelsFirst ? "[channels, height, width]"
                                                                 : "[height, width, channels]") +
                                            " with " + llvm::Twine(channels) + " channels, found " +
                                            describeDims(dims) + " in the model");
  return Error::success();
}

Error DataSet::fit(llvm::ArrayRef<TensorSlot> slots) {
  for (const TensorSlot &slot : slots) {
    auto found = llvm::find_if(description.inputs,
                               [&](const InputSource &source) { return source.name == slot.name; });
    if (found == description.inputs.end())
      return makeError(1, "the model's input '" + slot.name + "' is not among the 'inputs'");
    if (slot.type.getRank() == 0)
      return makeError(found->line,
                       "input '" + slot.name + "': expected a batch dimension, found a scalar");
    Input input = {*found, slot, slot.type.getShape().drop_front().vec(), {}, {}, {}};
    if (input.source.kind == InputSource::Kind::Image)
      if (Error error = fitImage(input))
        return error;
    inputs.push_back(std::move(input));
  }
  for (const InputSource &source : description.inputs)
    if (llvm::none_of(slots, [&](const TensorSlot &slot) { return slot.name == source.name; })) {
      auto names = llvm::map_to_vector(slots, [](const TensorSlot &slot) { return slot.name; });
      return makeError(source.line, "the model has no input '" + source.name +
                                        "', expected one of " + llvm::join(names, ", "));
    }
  return Error::success();
}

Error DataSet::openTable() {
  if (description.table.empty())
    return Error::success();
  auto opened = CsvTable::open(description.resolve(description.table));
  if (!opened)
    return makeError(description.tableLine, llvm::toString(opened.takeError()));
  table = std::move(*opened);
  return Error::success();
}

Error DataSet::openArrays() {
  for (Input &input : inputs) {
    if (input.source.kind == InputSource::Kind::Tokens)
      if (Error error = openTokens(input))
        return error;
    if (input.source.kind != InputSource::Kind::Array)
      continue;
    auto array = ArrayFile::open(description.resolve(input.source.path), input.source.member);
    if (!array)
      return makeError(input.source.line, llvm::toString(array.takeError()));
    llvm::ArrayRef<int64_t> dims = array->getDims();
    if (dims.empty() || dims.drop_front() != llvm::ArrayRef(input.sampleDims))
      return makeError(input.source.line,
                       "'" + input.source.path + "': expected samples of shape " +
                           describeDims(input.sampleDims) +
                           " after the first dimension, found the shape " + describeDims(dims));
    input.array = std::move(*array);
  }
  return Error::success();
}

Error DataSet::findColumns() {
  for (Input &input : inputs) {
    if (input.source.column.empty())
      continue;
    auto column = findColumn(input.source.column, input.source.line);
    if (!column)
      return column.takeError();
    input.column = *column;
  }
  if (!description.labelColumn.empty()) {
    auto column = findColumn(description.labelColumn, description.labelLine);
    if (!column)
      return column.takeError();
    labelColumn = *column;
  }
  if (!description.unitColumn.empty()) {
    auto column = findColumn(description.unitColumn, description.unitLine);
    if (!column)
      return column.takeError();
    unitColumn = *column;
  }
  for (const std::string &name : description.slices) {
    auto column = findColumn(name, description.slicesLine);
    if (!column)
      return column.takeError();
    sliceColumns.push_back(*column);
  }
  return Error::success();
}

/// How many samples the input's file has; nothing if it has one for each row.
std::optional<uint64_t> DataSet::Input::countSamples() const {
  if (tokens)
    return tokens->size();
  if (array)
    return array->getDims()[0];
  return std::nullopt;
}

Error DataSet::selectRows() {
  std::optional<uint64_t> total;
  if (table)
    total = table->size();
  for (const Input &input : inputs) {
    std::optional<uint64_t> samples = input.countSamples();
    if (!samples)
      continue;
    if (total && *total != *samples)
      return makeError(input.source.line, "'" + input.source.path + "': expected " +
                                              llvm::Twine(*total) + " samples, found " +
                                              llvm::Twine(*samples));
    total = samples;
  }
  const RowSelection &selection = description.rows;
  for (uint64_t row = 0; row < total.value_or(0); ++row) {
    if (selection.limit && rows.size() == static_cast<uint64_t>(selection.limit))
      break;
    if (llvm::is_contained(selection.remainders, static_cast<int64_t>(row % selection.modulo)))
      rows.push_back(row);
  }
  if (rows.empty())
    return makeError(1, "the data set has no samples");
  return Error::success();
}

Error DataSet::checkLabel(size_t index) const {
  std::string cell = table->getCell(rows[index], *labelColumn);
  int64_t label = 0;
  bool isNumber = !StringRef(cell).getAsInteger(10, label);
  if (isNumber && label >= 0 && (!description.classes || label < description.classes))
    return Error::success();
  std::string range = description.classes ? " from 0 to " + std::to_string(description.classes - 1)
                                          : " of a class, from 0";
  return llvm::createStringError(getPlace(index) + ": label '" + cell + "': expected a number" +
                                 range);
}

/// Labels, slices and file names of all rows, before hours of computation.
Error DataSet::checkRows() {
  for (size_t index = 0; index < rows.size(); ++index) {
    if (labelColumn)
      if (Error error = checkLabel(index))
        return error;
    for (auto [name, column] : llvm::zip(description.slices, sliceColumns))
      if (table->getCell(rows[index], column).empty())
        return llvm::createStringError(getPlace(index) + ": the slice column '" + name +
                                       "' is empty");
    for (const Input &input : inputs) {
      if (!input.column)
        continue;
      std::string path = description.resolveCell(table->getCell(rows[index], *input.column));
      if (!llvm::sys::fs::exists(path))
        return llvm::createStringError(getPlace(index) + ": there is no file '" + path + "'");
    }
  }
  return Error::success();
}

/// A value of the column that only one row has.
void DataSet::warnOfLonely(StringRef what, unsigned column) {
  llvm::StringMap<size_t> counts, first;
  for (size_t index = 0; index < rows.size(); ++index) {
    std::string value = table->getCell(rows[index], column);
    ++counts[value];
    first.try_emplace(value, index);
  }
  std::vector<size_t> lonely;
  for (const auto &entry : counts)
    if (entry.second == 1)
      lonely.push_back(first[entry.first()]);
  if (lonely.empty())
    return;
  size_t index = *llvm::min_element(lonely);
  std::string others =
      lonely.size() > 1 ? " (and " + std::to_string(lonely.size() - 1) + " others)" : "";
  warnings.push_back(getPlace(index) + ": " + what.str() + " '" +
                     table->getCell(rows[index], column) + "' of '" + table->getColumns()[column] +
                     "'" + others + " has one sample: its figures say little");
}

/// A value of the column that no row has that is taken.
void DataSet::warnOfMissing(StringRef what, unsigned column) {
  llvm::StringMap<size_t> first;
  for (size_t row = 0; row < table->size(); ++row)
    first.try_emplace(table->getCell(row, column), row);
  for (uint64_t row : rows)
    first.erase(table->getCell(row, column));
  if (first.empty())
    return;
  size_t row = SIZE_MAX;
  for (const auto &entry : first)
    row = std::min(row, entry.second);
  std::string others =
      first.size() > 1 ? " (and " + std::to_string(first.size() - 1) + " others)" : "";
  warnings.push_back(table->getPlace(row) + ": " + what.str() + " '" + table->getCell(row, column) +
                     "' of '" + table->getColumns()[column] + "'" + others +
                     " is empty: 'rows' takes none of its samples");
}

void DataSet::countSlices() {
  for (unsigned column : sliceColumns) {
    warnOfMissing("slice", column);
    warnOfLonely("slice", column);
  }
  if (labelColumn)
    warnOfLonely("class", *labelColumn);
}

Error DataSet::hashFiles() {
  llvm::SHA256 sha;
  std::vector<std::string> paths = {description.path};
  if (table)
    paths.push_back(description.resolve(description.table));
  for (const std::string &path : paths) {
    auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
    if (!buffer)
      return llvm::createStringError("'" + path + "': " + buffer.getError().message());
    sha.update((*buffer)->getBuffer());
  }
  auto add = [&](llvm::ArrayRef<char> bytes) {
    sha.update({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
  };
  for (const Input &input : inputs) {
    if (input.array)
      add(input.array->getBytes());
    if (input.tokens)
      add(input.tokens->getBytes());
  }
  if (targetFile)
    add(targetFile->getBytes());
  std::array<uint8_t, 32> digest = sha.final();
  hash = llvm::toHex(digest, /*LowerCase=*/true);
  return Error::success();
}

Expected<std::unique_ptr<DataSet>> DataSet::open(StringRef path, llvm::ArrayRef<TensorSlot> slots) {
  auto description = DataDescription::read(path);
  if (!description)
    return description.takeError();
  auto set = std::make_unique<DataSet>();
  set->description = std::move(*description);
  if (Error error = set->fit(slots))
    return std::move(error);
  for (auto step :
       {&DataSet::openTable, &DataSet::openArrays, &DataSet::openTargets, &DataSet::findColumns,
        &DataSet::selectRows, &DataSet::checkRows, &DataSet::checkTokens, &DataSet::hashFiles})
    if (Error error = ((*set).*step)())
      return std::move(error);
  set->countSlices();
  return set;
}

std::string DataSet::getPlace(size_t index) const {
  if (table)
    return table->getPlace(rows[index]);
  return description.path + ": sample " + std::to_string(rows[index]);
}

int64_t DataSet::getLabel(size_t index) const {
  int64_t label = 0;
  [[maybe_unused]] bool failed =
      StringRef(table->getCell(rows[index], *labelColumn)).getAsInteger(10, label);
  assert(!failed && "labels are checked when the set is opened");
  return label;
}

std::string DataSet::getSlice(size_t index, unsigned column) const {
  return table->getCell(rows[index], sliceColumns[column]);
}

std::string DataSet::getUnit(size_t index) const {
  return unitColumn ? table->getCell(rows[index], *unitColumn) : std::to_string(rows[index]);
}

Error DataSet::readImageInput(const Input &input, size_t index, char *buffer) const {
  const ImageSteps &steps = input.source.image;
  std::string path = description.resolveCell(table->getCell(rows[index], *input.column));
  auto image = readImage(path, steps.color == ImageSteps::Color::Gray ? 1 : 3);
  if (!image)
    return image.takeError();
  auto shaped = shapeImage(std::move(*image), steps);
  if (!shaped)
    return llvm::createStringError("'" + path + "': " + llvm::toString(shaped.takeError()));
  size_t spatial = steps.channelsFirst ? 1 : 0;
  if (shaped->height != input.sampleDims[spatial] || shaped->width != input.sampleDims[spatial + 1])
    return llvm::createStringError(
        "'" + path + "': expected " + llvm::Twine(input.sampleDims[spatial + 1]) + " x " +
        llvm::Twine(input.sampleDims[spatial]) + " pixels for the input '" + input.slot.name +
        "', found " + llvm::Twine(shaped->width) + " x " + llvm::Twine(shaped->height) +
        "; 'resize', 'short_side' and 'crop' change that");
  writeImage(*shaped, steps, input.slot.type.getElementType(), buffer);
  return Error::success();
}

Error DataSet::readArrayInput(const Input &input, size_t index, char *buffer) const {
  size_t count = countElements(input.sampleDims);
  std::optional<ArrayFile> own;
  const char *source = nullptr;
  if (input.array) {
    source =
        input.array->getBytes().data() + rows[index] * count * getBytes(input.array->getType());
  } else {
    auto file = ArrayFile::open(description.resolveCell(table->getCell(rows[index], *input.column)),
                                input.source.member);
    if (!file)
      return file.takeError();
    own = std::move(*file);
    llvm::ArrayRef<int64_t> dims = own->getDims();
    bool hasBatch =
        !dims.empty() && dims[0] == 1 && dims.drop_front() == llvm::ArrayRef(input.sampleDims);
    if (!hasBatch && dims != llvm::ArrayRef(input.sampleDims))
      return llvm::createStringError("input '" + input.slot.name + "': expected the shape " +
                                     describeDims(input.sampleDims) + ", found " +
                                     describeDims(dims));
    source = own->getBytes().data();
  }
  ArrayType type = input.array ? input.array->getType() : own->getType();
  if (Error error = convertElements(type, source, input.slot.type.getElementType(), buffer, count))
    return llvm::createStringError("input '" + input.slot.name +
                                   "': " + llvm::toString(std::move(error)));
  return Error::success();
}

Error DataSet::read(size_t index, llvm::ArrayRef<char *> buffers) {
  for (auto [input, buffer] : llvm::zip_equal(inputs, buffers)) {
    Error error = input.source.kind == InputSource::Kind::Image
                      ? readImageInput(input, index, buffer)
                  : input.tokens ? readTokenInput(input, index, buffer)
                                 : readArrayInput(input, index, buffer);
    if (error)
      return llvm::createStringError(getPlace(index) + ": " + llvm::toString(std::move(error)));
  }
  return Error::success();
}

} // namespace quern::data
