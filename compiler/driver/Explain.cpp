// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Explain.h"

#include "compiler/package/Program.h"
#include "dialects/Quern/QuernOps.h"
#include "passes/Codegen/BufferPlan.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace quern::driver {

namespace {

/// One dispatch in words.
struct Row {
  std::string kernel, nodes, ops, shapes, precision, tile, reason;
  int64_t macs = 0, units = 1, grain = 1;
};

} // namespace

/// A tensor type without its encoding: 1x56x56x64xui8.
static std::string describeShape(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto tensor = llvm::cast<RankedTensorType>(type);
  for (int64_t dim : tensor.getShape())
    stream << dim << 'x';
  stream << tensor.getElementType();
  return text;
}

/// int8 if what the anchor reads are codes of at most 8 bits, else the widest type that it reads.
static std::string describePrecision(qir::DispatchOp dispatch) {
  Type widest;
  for (Operation &op : dispatch.getBody().front()) {
    if (!llvm::isa<qir::ConvOp, qir::MatMulOp>(op))
      continue;
    for (Value operand : op.getOperands().take_front(2)) {
      Type type = llvm::cast<RankedTensorType>(operand.getType()).getElementType();
      if (!widest || type.getIntOrFloatBitWidth() > widest.getIntOrFloatBitWidth())
        widest = type;
    }
  }
  if (!widest)
    for (Type type : dispatch.getResultTypes())
      widest = llvm::cast<RankedTensorType>(type).getElementType();
  if (!widest)
    return "";
  if (widest.isInteger() && widest.getIntOrFloatBitWidth() <= 8)
    return "int8";
  std::string text;
  llvm::raw_string_ostream(text) << widest;
  return text;
}

static std::string describeOps(qir::DispatchOp dispatch) {
  std::string text;
  for (Operation &op : dispatch.getBody().front())
    if (!llvm::isa<qir::ReturnOp>(op))
      text += (text.empty() ? "" : "+") + op.getName().stripDialect().str();
  return text;
}

static Row makeRow(qir::DispatchOp dispatch) {
  Row row;
  if (auto kernel = dispatch->getAttrOfType<FlatSymbolRefAttr>("kernel"))
    row.kernel = kernel.getValue().str();
  row.nodes = llvm::join(artifact::getNodeNames(dispatch.getLoc()), ",");
  row.ops = describeOps(dispatch);
  if (!dispatch.getInputs().empty())
    row.shapes = describeShape(dispatch.getInputs().front().getType());
  row.shapes += " -> ";
  for (auto [index, type] : llvm::enumerate(dispatch.getResultTypes()))
    row.shapes += (index ? "," : "") + describeShape(type);
  row.precision = describePrecision(dispatch);
  if (DictionaryAttr tile = dispatch.getTileAttr())
    llvm::raw_string_ostream(row.tile) << tile;
  if (auto reason = dispatch->getAttrOfType<StringAttr>(reasonAttrName))
    row.reason = reason.str();
  auto number = [&](StringRef name, int64_t fallback) {
    auto attribute = dispatch->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : fallback;
  };
  row.macs = number(macsAttrName, 0);
  row.units = number(unitsAttrName, 1);
  row.grain = number(grainAttrName, row.units);
  return row;
}

static std::vector<Row> makeRows(ModuleOp module) {
  std::vector<Row> rows;
  if (auto main = module.lookupSymbol<func::FuncOp>("main"))
    for (auto dispatch : main.getOps<qir::DispatchOp>())
      rows.push_back(makeRow(dispatch));
  return rows;
}

void explainTable(ModuleOp module, llvm::raw_ostream &stream) {
  std::vector<Row> rows = makeRows(module);
  stream << "   # kernel            precision         macs  units/grain  shapes  ops  tile  nodes  "
            "reason\n";
  int64_t macs = 0, integerMacs = 0;
  for (auto [index, row] : llvm::enumerate(rows)) {
    stream << llvm::format("%4zu %-17s %-9s %12lld %6lld/%-6lld", index, row.kernel.c_str(),
                           row.precision.c_str(), static_cast<long long>(row.macs),
                           static_cast<long long>(row.units), static_cast<long long>(row.grain))
           << " " << row.shapes << "  " << row.ops << "  " << (row.tile.empty() ? "-" : row.tile)
           << "  " << row.nodes << "  " << row.reason << '\n';
    macs += row.macs;
    integerMacs += row.precision == "int8" ? row.macs : 0;
  }
  stream << rows.size() << " dispatches, " << macs << " multiply-accumulates, " << integerMacs
         << " of them in int8\n";
}

void explainJson(ModuleOp module, llvm::raw_ostream &stream) {
  llvm::json::OStream json(stream, 1);
  auto arena = module->getAttrOfType<IntegerAttr>(arenaBytesAttrName);
  json.object([&] {
    json.attribute("arena_bytes", arena ? arena.getInt() : 0);
    json.attributeArray("dispatches", [&] {
      for (const Row &row : makeRows(module))
        json.object([&] {
          json.attribute("kernel", row.kernel);
          json.attribute("nodes", llvm::json::fixUTF8(row.nodes));
          json.attribute("ops", row.ops);
          json.attribute("shapes", row.shapes);
          json.attribute("precision", row.precision);
          json.attribute("macs", row.macs);
          json.attribute("units", row.units);
          json.attribute("grain", row.grain);
          json.attribute("tile", row.tile);
          json.attribute("reason", llvm::json::fixUTF8(row.reason));
        });
    });
  });
  stream << '\n';
}

} // namespace quern::driver
