// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataDescription.h"

#include "compiler/data/JsonReader.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

static constexpr int64_t maxCount = int64_t{1} << 40;
static constexpr int64_t maxSide = int64_t{1} << 20;

static void readPair(ObjectReader &reader, StringRef key, std::array<int64_t, 2> &result) {
  std::vector<int64_t> pair;
  reader.take(key, pair, 1, maxSide);
  if (pair.size() == 2)
    result = {pair[0], pair[1]};
  else if (!pair.empty())
    reader.fail(key, "'" + key + "': expected [height, width]");
}

static void readNormalization(ObjectReader &reader, ImageSteps &steps) {
  std::vector<double> range(steps.range.begin(), steps.range.end());
  reader.take("range", range);
  if (range.size() == 2 && range[0] != range[1])
    steps.range = {range[0], range[1]};
  else
    reader.fail("range", "'range': expected [low, high], what the levels 0 and 255 become");
  reader.take("mean", steps.mean);
  reader.take("std", steps.std);
  size_t channels = steps.color == ImageSteps::Color::Gray ? 1 : 3;
  for (auto [key, values] : {std::pair("mean", &steps.mean), std::pair("std", &steps.std)})
    if (!values->empty() && values->size() != 1 && values->size() != channels)
      reader.fail(key, llvm::Twine("'") + key + "': expected 1 or " + llvm::Twine(channels) +
                           " numbers, found " + llvm::Twine(values->size()));
  for (double value : steps.std)
    if (!(value > 0))
      reader.fail("std", "'std': expected positive numbers");
}

static void readImageSteps(ObjectReader &reader, ImageSteps &steps) {
  unsigned color = 0, layout = 0;
  reader.takeWord("color", color, {"rgb", "bgr", "gray"});
  steps.color = static_cast<ImageSteps::Color>(color);
  reader.takeWord("layout", layout, {"NCHW", "NHWC"});
  steps.channelsFirst = layout == 0;
  reader.take("short_side", steps.shortSide, 1, maxSide);
  readPair(reader, "resize", steps.size);
  readPair(reader, "crop", steps.crop);
  if (steps.shortSide && steps.size[0])
    reader.fail("resize", "expected one of 'resize' and 'short_side', found both");
  readNormalization(reader, steps);
}

static InputSource readInput(StringRef name, ObjectReader &reader) {
  InputSource source;
  source.name = name.str();
  source.line = reader.getLine();
  int kinds = reader.has("image") + reader.has("file") + reader.has("array") + reader.has("tokens");
  if (kinds != 1) {
    reader.fail("", "input '" + name +
                        "': expected one of 'image', 'file' (columns with file names), 'array' "
                        "and 'tokens' (a file with all samples)");
    return source;
  }
  if (reader.has("image")) {
    reader.take("image", source.column);
    readImageSteps(reader, source.image);
  } else if (reader.has("file")) {
    source.kind = InputSource::Kind::File;
    reader.take("file", source.column);
  } else if (reader.has("tokens")) {
    source.kind = InputSource::Kind::Tokens;
    reader.take("tokens", source.path);
    reader.take("vocabulary", source.vocabulary, 1, maxCount);
    reader.take("stride", source.stride, 1, maxCount);
  } else {
    source.kind = InputSource::Kind::Array;
    reader.take("array", source.path);
  }
  if (!reader.has("image"))
    reader.take("member", source.member);
  return source;
}

static TargetSource readTargets(ObjectReader &reader) {
  TargetSource targets;
  targets.line = reader.getLine();
  if (reader.has("next") == reader.has("tokens"))
    reader.fail("", "'targets': expected 'next' (the name of an input) or 'tokens' (a file)");
  reader.take("next", targets.next);
  reader.take("tokens", targets.path);
  if (reader.has("tokens"))
    reader.take("member", targets.member);
  if (reader.has("ignore"))
    reader.take("ignore", targets.ignore.emplace(), -maxCount, maxCount);
  return targets;
}

static void readRows(ObjectReader &reader, RowSelection &rows) {
  reader.take("modulo", rows.modulo, 1, maxCount);
  reader.take("remainders", rows.remainders, 0, rows.modulo - 1);
  if (rows.modulo > 1 && !reader.has("remainders"))
    reader.fail("modulo", "'modulo' needs 'remainders', the list of those that are taken");
  reader.take("limit", rows.limit, 1, maxCount);
}

static void readMembers(ObjectReader &reader, DataDescription &result) {
  reader.take("table", result.table);
  result.tableLine = reader.getLine("table");
  reader.takeObject("rows", [&](ObjectReader &rows) { readRows(rows, result.rows); });
  reader.takeObjects("inputs", [&](StringRef name, ObjectReader &input) {
    result.inputs.push_back(readInput(name, input));
  });
  if (result.inputs.empty())
    reader.fail("inputs", "expected 'inputs', an object with a member for each input of the model");
  reader.takeObject("label", [&](ObjectReader &label) {
    label.take("column", result.labelColumn);
    label.take("classes", result.classes, 2, maxCount);
    if (result.labelColumn.empty())
      label.fail("", "expected 'column', where the labels stand");
  });
  result.labelLine = reader.getLine("label");
  reader.takeObject("targets",
                    [&](ObjectReader &targets) { result.targets = readTargets(targets); });
  if (result.targets && !result.labelColumn.empty())
    reader.fail("targets", "expected one of 'label' and 'targets', found both");
  reader.take("unit", result.unitColumn);
  result.unitLine = reader.getLine("unit");
  reader.take("slices", result.slices);
  result.slicesLine = reader.getLine("slices");
  if (result.table.empty() &&
      (!result.labelColumn.empty() || !result.slices.empty() || !result.unitColumn.empty()))
    reader.fail("", "'label', 'slices' and 'unit' name columns: expected a 'table'");
}

Expected<DataDescription> DataDescription::read(StringRef path) {
  auto file = JsonFile::read(path);
  if (!file)
    return file.takeError();
  DataDescription result;
  result.path = path.str();
  result.folder = llvm::sys::path::parent_path(path).str();
  ObjectReader reader(*file, "", file->getRoot());
  readMembers(reader, result);
  if (Error error = reader.finish())
    return std::move(error);
  return result;
}

static std::string join(StringRef folder, StringRef relative) {
  if (llvm::sys::path::is_absolute(relative) || folder.empty())
    return relative.str();
  llvm::SmallString<256> result(folder);
  llvm::sys::path::append(result, relative);
  return result.str().str();
}

std::string DataDescription::resolve(StringRef relative) const { return join(folder, relative); }

std::string DataDescription::resolveCell(StringRef relative) const {
  return join(llvm::sys::path::parent_path(resolve(table)), relative);
}

} // namespace quern::data
