// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_DATADESCRIPTION_H
#define QUERN_COMPILER_DATA_DATADESCRIPTION_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace quern::data {

/// How an image becomes the values of an input (docs/datasets.md, in this order).
struct ImageSteps {
  enum class Color { RGB, BGR, Gray };
  Color color = Color::RGB;
  int64_t shortSide = 0;         ///< resize so that the shorter side has this length; 0: do not
  std::array<int64_t, 2> size{}; ///< resize to height, width; 0: do not
  std::array<int64_t, 2> crop{}; ///< middle part of height, width; 0: do not
  std::array<double, 2> range{0, 255}; ///< what the levels 0 and 255 become
  std::vector<double> mean, std;       ///< one for all channels or one for each; empty: 0 and 1
  bool channelsFirst = true;           ///< NCHW, else NHWC
};

/// Where the values of one graph input come from.
struct InputSource {
  enum class Kind {
    Image, ///< an image file for each row, named in `column`
    File,  ///< a .npy file for each row, named in `column`
    Array, ///< one array of all samples, in `path`
    Tokens ///< token ids in `path`: a row for each sample, or one text to be cut into windows
  };
  std::string name; ///< of the graph input
  Kind kind = Kind::Image;
  std::string column, path, member;
  ImageSteps image;
  int64_t vocabulary = 0; ///< tokens are 0 .. vocabulary - 1; 0: not said
  int64_t stride = 0;     ///< from one window of a text to the next; 0: a window's length
  unsigned line = 0;      ///< of the description
};

/// The tokens that a language model should predict: one for each position of a sample.
struct TargetSource {
  std::string next; ///< those that follow each token of this input; empty: those of `path`
  std::string path, member;
  std::optional<int64_t> ignore; ///< a token (padding) whose prediction does not count
  unsigned line = 0;             ///< of the description
};

/// Which samples of the table or the arrays are taken: those whose number, divided by `modulo`,
/// leaves one of `remainders`; then the first `limit` of them.
struct RowSelection {
  int64_t modulo = 1;
  std::vector<int64_t> remainders{0};
  int64_t limit = 0; ///< 0: all
};

/// A data set description, as its file says it. Its paths are relative to its folder, those in the
/// table to the table's.
struct DataDescription {
  std::string path;   ///< of the description itself
  std::string folder; ///< of the description
  std::string table;  ///< path of a .csv file; empty: none
  unsigned tableLine = 0;
  RowSelection rows;
  std::vector<InputSource> inputs;
  std::string labelColumn; ///< empty: no labels
  int64_t classes = 0;     ///< labels are 0 .. classes - 1; 0: not said
  unsigned labelLine = 0;
  std::optional<TargetSource> targets;
  std::string unitColumn; ///< samples of one value are drawn together; empty: each by itself
  unsigned unitLine = 0;
  std::vector<std::string> slices; ///< columns
  unsigned slicesLine = 0;

  /// Reads the JSON file. Errors are `FILE:LINE: …`; unknown members are errors.
  static llvm::Expected<DataDescription> read(llvm::StringRef path);
  /// A path of the description, from where the process is.
  std::string resolve(llvm::StringRef relative) const;
  /// A path of the table.
  std::string resolveCell(llvm::StringRef relative) const;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_DATADESCRIPTION_H
