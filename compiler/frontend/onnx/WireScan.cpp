// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/WireScan.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

#include <optional>

namespace quern::onnxfile {
namespace {

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

enum WireType : uint32_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

// Field numbers of onnx.proto3.
enum ModelField : uint32_t { ModelGraph = 7, ModelFunctions = 25 };
enum GraphField : uint32_t { GraphNode = 1, GraphInitializer = 5 };
enum NodeField : uint32_t { NodeOpType = 4, NodeAttribute = 5, NodeDomain = 7 };
enum AttributeField : uint32_t {
  AttributeName = 1,
  AttributeTensor = 5,
  AttributeGraph = 6,
  AttributeTensors = 10,
  AttributeGraphs = 11
};
enum TensorField : uint32_t {
  TensorDataType = 2,
  TensorFloatData = 4,
  TensorRawData = 9,
  TensorDoubleData = 10
};
enum FunctionField : uint32_t { FunctionNode = 7 };
enum DataType : uint64_t { Float = 1, Double = 11 };

/// One field: its number and wire type, the whole of it and its payload (for varints the value).
struct Field {
  uint32_t number = 0;
  uint32_t type = 0;
  StringRef whole;
  StringRef payload;
  uint64_t value = 0;
};

/// Reads the fields of one message one after the other.
class Reader {
public:
  Reader(StringRef message, StringRef file) : rest(message), file(file) {}
  bool done() const { return rest.empty(); }

  Expected<Field> next() {
    Field field;
    StringRef start = rest;
    std::optional<uint64_t> key = varint();
    if (!key || *key > UINT32_MAX || (*key >> 3) == 0)
      return error(start, "expected a field key, found a malformed one or the end");
    field.number = static_cast<uint32_t>(*key >> 3);
    field.type = *key & 7;
    if (Error problem = readPayload(field, start))
      return std::move(problem);
    field.whole = start.drop_back(rest.size());
    return field;
  }

  /// A complaint about what starts where `place` does.
  Error error(StringRef place, const Twine &what) const {
    return llvm::createStringError("not a readable onnx model (truncated or damaged): at byte " +
                                   Twine(place.begin() - file.begin()) + ": " + what);
  }

private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      auto byte = static_cast<unsigned char>(rest.front());
      rest = rest.drop_front();
      value |= uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80)
        return value;
    }
    return std::nullopt;
  }

  Error readPayload(Field &field, StringRef start) {
    uint64_t length = 0;
    switch (field.type) {
    case Varint: {
      std::optional<uint64_t> value = varint();
      if (!value)
        return error(start, "expected a varint of at most 10 bytes, found a longer one or the end");
      field.value = *value;
      return Error::success();
    }
    case Fixed64:
      length = 8;
      break;
    case Fixed32:
      length = 4;
      break;
    case Bytes: {
      std::optional<uint64_t> value = varint();
      if (!value)
        return error(start, "expected a length, found a malformed one or the end");
      length = *value;
      break;
    }
    default:
      return error(start, "expected wire type 0, 1, 2 or 5, found " + Twine(field.type));
    }
    if (length > rest.size())
      return error(start, "expected " + Twine(length) + " bytes of field " + Twine(field.number) +
                              ", found " + Twine(rest.size()));
    field.payload = rest.take_front(length);
    rest = rest.drop_front(length);
    return Error::success();
  }

  StringRef rest;
  StringRef file;
};

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void appendMessage(std::string &out, uint32_t number, StringRef message) {
  appendVarint(out, uint64_t(number) << 3 | Bytes);
  appendVarint(out, message.size());
  out.append(message.data(), message.size());
}

/// Rewrites message after message. `cut` is where a removed payload is noted; it is null where
/// payloads stay (subgraphs, functions, attributes that are not a Constant's value).
class Scanner {
public:
  Scanner(StringRef file, const WireLimits &limits) : file(file), limits(limits) {}

  Expected<WireScan> run() {
    if (file.empty())
      return llvm::createStringError("not a readable onnx model: the file is empty");
    if (Error problem = scanMembers(file, result.slim))
      return std::move(problem);
    return std::move(result);
  }

private:
  Error scanMembers(StringRef message, std::string &out) {
    bool sawGraph = false;
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      std::string nested;
      if (field->number == ModelGraph && field->type == Bytes) {
        if (std::exchange(sawGraph, true))
          return reader.error(field->whole, "expected one main graph, found a second");
        if (Error problem = scanGraph(field->payload, nested, 0))
          return problem;
      } else if (field->number == ModelFunctions && field->type == Bytes) {
        if (Error problem = scanFunction(field->payload, nested))
          return problem;
      } else {
        out.append(field->whole.data(), field->whole.size());
        continue;
      }
      appendMessage(out, field->number, nested);
    }
    return Error::success();
  }

  Error scanGraph(StringRef message, std::string &out, unsigned depth) {
    uint64_t nodes = 0, initializers = 0;
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      std::string nested;
      std::optional<ByteRange> cut;
      bool main = depth == 0;
      if (field->number == GraphNode && field->type == Bytes) {
        if (Error problem = scanNode(field->payload, nested, depth, main ? &cut : nullptr))
          return problem;
        if (cut)
          result.constants[nodes] = *cut;
        ++nodes;
      } else if (field->number == GraphInitializer && field->type == Bytes) {
        if (Error problem = scanTensor(field->payload, nested, main ? &cut : nullptr))
          return problem;
        if (cut)
          result.initializers[initializers] = *cut;
        ++initializers;
      } else {
        out.append(field->whole.data(), field->whole.size());
        continue;
      }
      appendMessage(out, field->number, nested);
    }
    return Error::success();
  }

  Error scanFunction(StringRef message, std::string &out) {
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      if (field->number != FunctionNode || field->type != Bytes) {
        out.append(field->whole.data(), field->whole.size());
        continue;
      }
      std::string nested;
      if (Error problem = scanNode(field->payload, nested, 0, nullptr))
        return problem;
      appendMessage(out, field->number, nested);
    }
    return Error::success();
  }

  /// Whether the node is a Constant of the default domain: its fields come in any order, so this
  /// looks through all of them first.
  Expected<bool> isConstant(StringRef message) {
    StringRef type, domain;
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      if (field->number == NodeOpType && field->type == Bytes)
        type = field->payload;
      if (field->number == NodeDomain && field->type == Bytes)
        domain = field->payload;
    }
    return type == "Constant" && (domain.empty() || domain == "ai.onnx");
  }

  Error scanNode(StringRef message, std::string &out, unsigned depth,
                 std::optional<ByteRange> *cut) {
    if (Error problem = count(message))
      return problem;
    Expected<bool> constant = isConstant(message);
    if (!constant)
      return constant.takeError();
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      if (field->number != NodeAttribute || field->type != Bytes) {
        out.append(field->whole.data(), field->whole.size());
        continue;
      }
      std::string nested;
      if (Error problem = scanAttribute(field->payload, nested, depth, *constant ? cut : nullptr))
        return problem;
      appendMessage(out, field->number, nested);
    }
    return Error::success();
  }

  Expected<bool> isNamedValue(StringRef message) {
    StringRef name;
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      if (field->number == AttributeName && field->type == Bytes)
        name = field->payload;
    }
    return name == "value";
  }

  Error scanAttribute(StringRef message, std::string &out, unsigned depth,
                      std::optional<ByteRange> *cut) {
    if (Error problem = count(message))
      return problem;
    Expected<bool> value = isNamedValue(message);
    if (!value)
      return value.takeError();
    bool sawTensor = false, sawGraph = false;
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      bool tensor = field->number == AttributeTensor || field->number == AttributeTensors;
      bool graph = field->number == AttributeGraph || field->number == AttributeGraphs;
      if (field->type != Bytes || (!tensor && !graph)) {
        out.append(field->whole.data(), field->whole.size());
        continue;
      }
      if ((field->number == AttributeTensor && std::exchange(sawTensor, true)) ||
          (field->number == AttributeGraph && std::exchange(sawGraph, true)))
        return reader.error(field->whole, "expected one value of an attribute, found two");
      std::string nested;
      bool cutHere = field->number == AttributeTensor && *value;
      Error problem = tensor ? scanTensor(field->payload, nested, cutHere ? cut : nullptr)
                             : scanSubgraph(reader, *field, nested, depth + 1);
      if (problem)
        return problem;
      appendMessage(out, field->number, nested);
    }
    return Error::success();
  }

  Error scanSubgraph(const Reader &reader, const Field &field, std::string &out, unsigned depth) {
    if (depth > limits.graphDepth)
      return reader.error(field.whole, "expected graphs nested at most " +
                                           Twine(limits.graphDepth) + " deep, found a deeper one");
    return scanGraph(field.payload, out, depth);
  }

  Error scanTensor(StringRef message, std::string &out, std::optional<ByteRange> *cut) {
    if (Error problem = count(message))
      return problem;
    Expected<uint32_t> payload = cut ? findPayload(message) : Expected<uint32_t>(0u);
    if (!payload)
      return payload.takeError();
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      if (*payload != 0 && field->number == *payload)
        *cut = ByteRange{static_cast<uint64_t>(field->payload.begin() - file.begin()),
                         field->payload.size()};
      else
        out.append(field->whole.data(), field->whole.size());
    }
    return Error::success();
  }

  /// The number of the field that holds the tensor's bytes if it is large and can stay in the
  /// file, or 0. A field that occurs twice is damage for raw_data, and several chunks else.
  Expected<uint32_t> findPayload(StringRef message) {
    uint64_t type = 0;
    Field raw, floats, doubles;
    bool chunked = false;
    for (Reader reader(message, file); !reader.done();) {
      Expected<Field> field = reader.next();
      if (!field)
        return field.takeError();
      if (field->number == TensorDataType && field->type == Varint)
        type = field->value;
      Field *slot = field->number == TensorRawData      ? &raw
                    : field->number == TensorFloatData  ? &floats
                    : field->number == TensorDoubleData ? &doubles
                                                        : nullptr;
      if (!slot)
        continue;
      if (slot == &raw && raw.number != 0)
        return reader.error(field->whole, "expected one raw_data, found a second");
      chunked |= slot->number != 0 || field->type != Bytes;
      *slot = *field;
    }
    for (const Field &field :
         {raw, type == Float ? floats : Field(), type == Double ? doubles : Field()})
      if (!chunked && field.payload.size() >= limits.keptBytes)
        return field.number;
    return 0u;
  }

  Error count(StringRef message) {
    if (++messages <= limits.messages)
      return Error::success();
    return Reader(message, file)
        .error(message, "expected at most " + Twine(limits.messages) +
                            " nodes, attributes and tensors, found more");
  }

  StringRef file;
  const WireLimits &limits;
  WireScan result;
  uint64_t messages = 0;
};

} // namespace

Expected<WireScan> scanModel(llvm::ArrayRef<char> file, const WireLimits &limits) {
  return Scanner(StringRef(file.data(), file.size()), limits).run();
}

} // namespace quern::onnxfile
