// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Csv.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace quern::data {

namespace {

/// Reads records from a text, one after the other.
class RecordReader {
public:
  explicit RecordReader(StringRef text) : text(text) {}
  bool atEnd() const { return position >= text.size(); }
  size_t getPosition() const { return position; }
  uint32_t getLine() const { return line; }
  /// Appends the cells of the next record; false if a quote is not closed.
  bool read(std::vector<std::string> &cells);

private:
  bool readCell(std::string &cell);
  bool readQuoted(std::string &cell);

  StringRef text;
  size_t position = 0;
  uint32_t line = 1;
};

} // namespace

bool RecordReader::readQuoted(std::string &cell) {
  for (++position; position < text.size(); ++position) {
    char c = text[position];
    if (c == '\n')
      ++line;
    if (c == '"') {
      if (position + 1 >= text.size() || text[position + 1] != '"') {
        ++position;
        return true;
      }
      ++position;
    }
    cell += c;
  }
  return false;
}

bool RecordReader::readCell(std::string &cell) {
  if (position < text.size() && text[position] == '"' && !readQuoted(cell))
    return false;
  size_t end = std::min(text.find_first_of(",\n", position), text.size());
  cell += text.slice(position, end);
  position = end;
  return true;
}

bool RecordReader::read(std::vector<std::string> &cells) {
  while (true) {
    std::string cell;
    if (!readCell(cell))
      return false;
    bool isLast = position >= text.size() || text[position] == '\n';
    if (isLast && StringRef(cell).ends_with("\r"))
      cell.pop_back();
    cells.push_back(std::move(cell));
    if (position < text.size() && text[position] == '\n')
      ++line;
    ++position;
    if (isLast)
      return true;
  }
}

static Error makeError(StringRef path, uint32_t line, const llvm::Twine &message) {
  return llvm::createStringError(path + ":" + llvm::Twine(line) + ": " + message);
}

Expected<CsvTable> CsvTable::open(StringRef path) {
  auto file = MappedFile::open(path);
  if (!file)
    return llvm::createStringError("'" + path + "': " + llvm::toString(file.takeError()));
  CsvTable table;
  table.path = path.str();
  table.file = *file;
  StringRef text = table.text();
  RecordReader reader(text);
  if (text.trim().empty() || !reader.read(table.columns))
    return makeError(path, 1, "expected a line with the names of the columns");
  if (!table.columns.empty() && StringRef(table.columns[0]).starts_with("\xef\xbb\xbf"))
    table.columns[0].erase(0, 3);
  for (auto [index, name] : llvm::enumerate(table.columns))
    if (llvm::is_contained(llvm::ArrayRef(table.columns).take_front(index), name))
      return makeError(path, 1, "two columns have the name '" + name + "'");
  while (!reader.atEnd()) {
    Row row = {reader.getPosition(), reader.getLine()};
    std::vector<std::string> cells;
    if (!reader.read(cells))
      return makeError(path, row.line, "expected a closing quote, found the end of the file");
    if (cells.size() == 1 && cells[0].empty())
      continue;
    if (cells.size() != table.columns.size())
      return makeError(path, row.line,
                       "expected " + llvm::Twine(table.columns.size()) + " cells, found " +
                           llvm::Twine(cells.size()));
    table.rows.push_back(row);
  }
  return std::move(table);
}

std::optional<unsigned> CsvTable::findColumn(StringRef name) const {
  auto found = llvm::find(columns, name);
  if (found == columns.end())
    return std::nullopt;
  return found - columns.begin();
}

std::string CsvTable::getCell(size_t row, unsigned column) const {
  RecordReader reader(text().drop_front(rows[row].offset));
  std::vector<std::string> cells;
  bool whole = reader.read(cells);
  return whole && column < cells.size() ? std::move(cells[column]) : std::string();
}

std::string CsvTable::getPlace(size_t row) const {
  return path + ":" + std::to_string(rows[row].line);
}

} // namespace quern::data
