// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_CSV_H
#define QUERN_COMPILER_DATA_CSV_H

#include "dialects/Quern/ContentStore.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quern::data {

/// A table in a file of comma-separated values (RFC 4180: quotes around cells, doubled inside them;
/// a quoted cell may hold line breaks). The first record names the columns. The file stays mapped;
/// of each row only its place is kept.
class CsvTable {
public:
  /// Opens and checks the whole file: every row has as many cells as the header, no two columns
  /// have one name. Errors are `FILE:LINE: …`.
  static llvm::Expected<CsvTable> open(llvm::StringRef path);

  size_t size() const { return rows.size(); }
  llvm::ArrayRef<std::string> getColumns() const { return columns; }
  std::optional<unsigned> findColumn(llvm::StringRef name) const;
  std::string getCell(size_t row, unsigned column) const;
  /// `FILE:LINE`, for messages.
  std::string getPlace(size_t row) const;

private:
  struct Row {
    uint64_t offset;
    uint32_t line;
  };
  llvm::StringRef text() const { return {file->bytes().data(), file->bytes().size()}; }

  std::string path;
  std::shared_ptr<MappedFile> file;
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_CSV_H
