// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Profile.h"

#include "compiler/driver/ArtifactRecord.h"
#include "compiler/driver/MachineRates.h"
#include "compiler/package/Artifact.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

namespace json = llvm::json;

namespace quern::driver {

namespace {

/// One dispatch: what was measured, and what the record says of it.
struct Row {
  int64_t launch = 0;
  std::string kernel, form, precision;
  std::vector<std::string> nodes;
  double median = 0, least = 0, share = 0; ///< seconds; percent of all dispatches
  int64_t macs = 0, bytes = 0;
  double bound = 0; ///< seconds; 0: unknown
  bool isFloat = false;
};

struct Profile {
  std::string model;
  std::vector<Row> rows;
  int64_t iterations = 0, threads = 1;
  double median = 0; ///< seconds, of all dispatches
  uint64_t workingSet = 0;
  MachineRates rates;
};

} // namespace

static int fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << '\n';
  return ExitFailed;
}

/// Runs the artifact with its standard output in a file; the text in `output`.
static int capture(const std::string &program, const std::vector<std::string> &arguments,
                   std::string &output) {
  llvm::SmallString<128> path;
  if (std::error_code code = llvm::sys::fs::createTemporaryFile("quern", "json", path))
    return fail("temporary file: " + code.message());
  llvm::FileRemover remover(path);
  std::vector<llvm::StringRef> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::string message;
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, path.str(), std::nullopt};
  int status = llvm::sys::ExecuteAndWait(program, words, std::nullopt, redirects, 0, 0, &message);
  if (auto file = llvm::MemoryBuffer::getFile(path))
    output = (*file)->getBuffer().str();
  return status < 0 ? fail("'" + program + "': " + message) : status;
}

static double milliseconds(const json::Object &object, llvm::StringRef name) {
  return object.getNumber(name).value_or(0) / 1e3;
}

/// Adds to a row what the artifact's record says of its kernel.
static void describe(Row &row, const package::Kernel &kernel) {
  row.kernel = kernel.name()->str();
  if (kernel.form())
    row.form = kernel.form()->str();
  if (const auto *nodes = kernel.nodes())
    for (const auto *node : *nodes)
      row.nodes.push_back(node->str());
  row.macs = static_cast<int64_t>(kernel.macs());
  row.bytes = static_cast<int64_t>(kernel.bytes_read() + kernel.bytes_written());
  switch (kernel.element()) {
  case package::ElementType::Invalid:
    break;
  case package::ElementType::U8:
  case package::ElementType::S8:
    row.precision = "int8";
    break;
  default:
    row.precision = llvm::StringRef(package::EnumNameElementType(kernel.element())).lower();
    row.isFloat = true;
  }
}

static bool readProfile(llvm::StringRef text, const package::Package &package, Profile &profile) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value) {
    llvm::consumeError(value.takeError());
    return false;
  }
  const json::Object *object = value->getAsObject();
  const json::Array *launches = object ? object->getArray("launches") : nullptr;
  if (!launches)
    return false;
  profile.iterations = object->getInteger("iterations").value_or(0);
  profile.threads = object->getInteger("threads").value_or(1);
  profile.median = milliseconds(*object, "median_ms");
  const auto *kernels = package.kernels();
  for (const json::Value &element : *launches) {
    const json::Object *launch = element.getAsObject();
    if (!launch)
      return false;
    Row &row = profile.rows.emplace_back();
    row.launch = launch->getInteger("launch").value_or(0);
    row.median = milliseconds(*launch, "median_ms");
    row.least = milliseconds(*launch, "min_ms");
    row.share = launch->getNumber("percent").value_or(0);
    auto kernel = static_cast<uint64_t>(launch->getInteger("kernel").value_or(0));
    if (kernels && kernel < kernels->size())
      describe(row, *kernels->Get(kernel));
    else
      row.kernel = std::to_string(kernel);
  }
  return true;
}

/// Bytes that one inference goes over: weights and arena.
static uint64_t getWorkingSet(const package::Package &package) {
  uint64_t weights = 0, arena = 0;
  if (const auto *segments = package.segments())
    for (const auto *segment : *segments)
      weights += segment->bytes();
  if (const auto *entries = package.entries())
    for (const auto *entry : *entries)
      arena = std::max(arena, entry->arena_bytes());
  return weights + arena;
}

static std::string percentOfBound(const Row &row) {
  if (row.bound == 0 || row.median == 0)
    return "-";
  return llvm::formatv("{0:F0}", 100 * row.bound / row.median);
}

static void printTable(const Profile &profile, llvm::raw_ostream &out) {
  out << llvm::formatv("{0,4} {1,9} {2,5} {3,13} {4,11} {5,7} {6,7} {7,-5} {8,-16} {9}\n", "#",
                       "us", "%", "MACs", "bytes", "GMAC/s", "% bound", "type", "kernel", "nodes");
  int64_t macs = 0;
  double bound = 0;
  for (const Row &row : profile.rows) {
    std::string rate = row.macs && row.median > 0
                           ? llvm::formatv("{0:F1}", row.macs / row.median / 1e9).str()
                           : "-";
    out << llvm::formatv("{0,4} {1,9:F2} {2,5:F1} {3,13} {4,11} {5,7} {6,7} {7,-5} {8,-16} {9}\n",
                         row.launch, row.median * 1e6, row.share, row.macs, row.bytes, rate,
                         percentOfBound(row), row.precision.empty() ? "-" : row.precision,
                         row.kernel, llvm::join(row.nodes, ","));
    macs += row.macs;
    bound += row.bound;
  }
  out << llvm::formatv("{0}: {1} dispatches, {2:F4} ms (sum of the medians of {3} runs, {4} "
                       "threads), {5} MACs",
                       profile.model, profile.rows.size(), profile.median * 1e3, profile.iterations,
                       profile.threads, macs);
  if (profile.median > 0 && bound > 0)
    out << llvm::formatv(", {0:F0} % of bound", 100 * bound / profile.median);
  out << "\nbound: the longer of computing and of reading and writing; measured here, ";
  if (profile.rates.codeMacs > 0)
    out << llvm::formatv("{0:F1} GMAC/s int8, {1:F1} GMAC/s f32, ", profile.rates.codeMacs / 1e9,
                         profile.rates.floatMacs / 1e9);
  out << llvm::formatv("{0:F1} GB/s from a buffer of {1:F1} MB (weights and arena)\n",
                       profile.rates.bytes / 1e9, static_cast<double>(profile.workingSet) / 1e6);
}

static json::Object makeJson(const Row &row) {
  json::Array nodes;
  for (const std::string &node : row.nodes)
    nodes.push_back(json::fixUTF8(node));
  json::Object object{{"launch", row.launch},       {"kernel", row.kernel},
                      {"nodes", std::move(nodes)},  {"form", json::fixUTF8(row.form)},
                      {"precision", row.precision}, {"median_ms", row.median * 1e3},
                      {"min_ms", row.least * 1e3},  {"percent", row.share},
                      {"macs", row.macs},           {"bytes", row.bytes}};
  if (row.bound > 0)
    object["bound_ms"] = row.bound * 1e3;
  return object;
}

static void printJson(const Profile &profile, llvm::raw_ostream &out) {
  json::Array dispatches;
  for (const Row &row : profile.rows)
    dispatches.push_back(makeJson(row));
  json::Object rates{{"codes_gmacs", profile.rates.codeMacs / 1e9},
                     {"f32_gmacs", profile.rates.floatMacs / 1e9},
                     {"gbytes", profile.rates.bytes / 1e9}};
  out << llvm::formatv("{0:2}", json::Value(json::Object{{"model", json::fixUTF8(profile.model)},
                                                         {"iterations", profile.iterations},
                                                         {"threads", profile.threads},
                                                         {"median_ms", profile.median * 1e3},
                                                         {"rates", std::move(rates)},
                                                         {"dispatches", std::move(dispatches)}}))
      << '\n';
}

/// Gives the launches of a trace the names of their nodes.
static llvm::Error nameTrace(const std::string &path, const Profile &profile) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return llvm::createStringError("'" + path + "': " + file.getError().message());
  llvm::Expected<json::Value> trace = json::parse((*file)->getBuffer());
  if (!trace)
    return trace.takeError();
  json::Object *root = trace->getAsObject();
  json::Array *events = root ? root->getArray("traceEvents") : nullptr;
  if (!events)
    return llvm::createStringError("'" + path + "': expected an object with 'traceEvents'");
  for (json::Value &event : *events) {
    json::Object *object = event.getAsObject();
    json::Object *arguments = object ? object->getObject("args") : nullptr;
    auto launch = arguments ? arguments->getInteger("launch") : std::nullopt;
    if (!launch || *launch < 0 || *launch >= static_cast<int64_t>(profile.rows.size()))
      continue;
    const Row &row = profile.rows[*launch];
    if (!row.nodes.empty())
      (*object)["name"] = json::fixUTF8(llvm::join(row.nodes, ","));
    (*arguments)["kernel"] = row.kernel;
    (*arguments)["macs"] = row.macs;
    (*arguments)["bytes"] = row.bytes;
  }
  return artifact::writeFile(
      path, [&](llvm::raw_ostream &stream) { stream << llvm::formatv("{0}", *trace) << '\n'; });
}

int profileArtifact(const std::string &program, std::vector<std::string> arguments,
                    const RunOptions &options) {
  auto record = readArtifactRecord(program);
  if (!record)
    return fail(llvm::toString(record.takeError()));
  Profile profile;
  profile.model = record->package->name()->str();
  profile.workingSet = getWorkingSet(*record->package);
  std::string target = record->package->target()->str();
  unsigned threads = std::max(options.threads, 1);
  profile.rates = measureRates(target, threads, profile.workingSet);
  arguments.push_back("--json");
  if (!options.trace.empty())
    arguments.push_back("--trace=" + options.trace);
  std::string output;
  if (int status = capture(program, arguments, output))
    return status;
  if (!readProfile(output, *record->package, profile))
    return fail("'" + program + "': expected a profile in JSON on its standard output");
  // Other work on the machine slows the measurement of its rates like any other.
  profile.rates = profile.rates.best(measureRates(target, threads, profile.workingSet));
  for (Row &row : profile.rows)
    row.bound = profile.rates.bound(row.macs, row.isFloat, row.bytes);
  (options.json ? printJson : printTable)(profile, llvm::outs());
  if (options.trace.empty())
    return ExitDone;
  if (llvm::Error error = nameTrace(options.trace, profile))
    return fail(llvm::toString(std::move(error)));
  return ExitDone;
}

} // namespace quern::driver
