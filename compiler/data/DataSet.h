// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_DATASET_H
#define QUERN_COMPILER_DATA_DATASET_H

#include "compiler/data/Csv.h"
#include "compiler/data/DataDescription.h"
#include "compiler/data/Npy.h"
#include "compiler/data/TokenFile.h"
#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

#include "llvm/ADT/StringMap.h"

#include <optional>
#include <string>
#include <vector>

namespace quern::data {

/// A data set as a stream of samples: nothing of it is kept but the rows' places in the table.
/// An interface: see docs/datasets.md.
class DataSet : public SampleSource {
public:
  /// Opens the description and everything it names, and fits it to the model's inputs: names,
  /// shapes without the first dimension (the batch), columns, labels, that files are there.
  static llvm::Expected<std::unique_ptr<DataSet>> open(llvm::StringRef path,
                                                       llvm::ArrayRef<TensorSlot> slots);

  size_t size() const override { return rows.size(); }
  llvm::Error read(size_t index, llvm::ArrayRef<char *> buffers) override;

  bool hasLabels() const { return labelColumn.has_value(); }
  /// The class of a sample; only if there are labels.
  int64_t getLabel(size_t index) const;
  bool hasTargets() const { return description.targets.has_value(); }
  /// The token that should follow at each position of a sample, -1 where that does not count; only
  /// if there are targets.
  std::vector<int64_t> getTargets(size_t index) const;
  /// What groups the samples that belong together (the windows of one document): a sample's value
  /// in the column 'unit', or its own number.
  std::string getUnit(size_t index) const;
  /// The columns that slice the data, and a sample's value in one of them.
  llvm::ArrayRef<std::string> getSliceColumns() const { return description.slices; }
  std::string getSlice(size_t index, unsigned column) const;
  /// What is unusual but no error: a slice or class with one sample, a slice of which no row is
  /// taken. `FILE:LINE: …`.
  llvm::ArrayRef<std::string> getWarnings() const { return warnings; }
  /// Where a sample comes from, for messages: a line of the table or a number.
  std::string getPlace(size_t index) const;
  /// What identifies the data to a statistics file: the description and the table, hashed.
  const std::string &getHash() const { return hash; }

private:
  struct Input {
    InputSource source;
    TensorSlot slot;
    std::vector<int64_t> sampleDims; ///< the slot's dimensions without the batch
    std::optional<unsigned> column;
    std::optional<ArrayFile> array;
    std::optional<TokenFile> tokens;
    std::optional<uint64_t> countSamples() const;
  };

  llvm::Error fit(llvm::ArrayRef<TensorSlot> slots);
  llvm::Error fitImage(const Input &input) const;
  llvm::Error openTable();
  llvm::Error openArrays();
  llvm::Error openTokens(Input &input);
  llvm::Error openTargets();
  llvm::Error findColumns();
  llvm::Error selectRows();
  llvm::Error checkRows();
  llvm::Error checkTokens();
  llvm::Error checkLabel(size_t index) const;
  llvm::Error checkToken(size_t index, llvm::StringRef what, size_t position, int64_t token,
                         int64_t vocabulary) const;
  void countSlices();
  void warnOfLonely(llvm::StringRef what, unsigned column);
  void warnOfMissing(llvm::StringRef what, unsigned column);
  llvm::Error hashFiles();
  llvm::Expected<unsigned> findColumn(llvm::StringRef name, unsigned line) const;
  llvm::Error makeError(unsigned line, const llvm::Twine &message) const;
  llvm::Error readImageInput(const Input &input, size_t index, char *buffer) const;
  llvm::Error readTokenInput(const Input &input, size_t index, char *buffer) const;
  llvm::Error readArrayInput(const Input &input, size_t index, char *buffer) const;

  DataDescription description;
  std::optional<CsvTable> table;
  std::vector<uint64_t> rows; ///< numbers in the table or arrays
  std::vector<Input> inputs;  ///< in the model's order
  std::optional<unsigned> labelColumn, unitColumn;
  std::vector<unsigned> sliceColumns;
  size_t targetInput = 0;              ///< whose tokens the targets follow; if there are targets
  std::optional<TokenFile> targetFile; ///< if they have a file of their own
  std::vector<std::string> warnings;
  std::string hash;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_DATASET_H
