// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_OPTIONS_H
#define QUERN_COMPILER_DRIVER_OPTIONS_H

#include "compiler/board/Budget.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quern::driver {

/// The exit statuses of every command.
enum ExitStatus { ExitDone = 0, ExitFailed = 1, ExitUsage = 2, ExitMachine = 3 };

/// How a float model is quantized; nothing if `data` is empty.
struct QuantizeOptions {
  std::string data; ///< --calibrate
  std::string precision = "int8";
  std::string observer;              ///< empty: the recipe's
  std::string recipe;                ///< a file; empty: the default
  std::string accuracyData;          ///< --accuracy-data: what drops are measured on; empty: `data`
  std::string sliceBy;               ///< its column of slices; empty: the first
  std::optional<int64_t> maxWeights; ///< bytes of weights
  std::optional<double> maxDrop, maxSliceDrop; ///< percent
  std::string report;                          ///< a page to write; empty: none
  std::string statistics; ///< a file that an interrupted calibration goes on from; empty: none
};

/// How a model is compiled: the flags of `compile`, and of `run` and `bench` given a model.
struct CompileOptions {
  std::string model;
  std::string output;
  std::string emit = "exe";
  std::string target = "native";
  std::string name; ///< prefix of a library's functions
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
  std::vector<std::string> keep;
  bool exchangeCodes = false; ///< --io=codes
  int threadsMax = 0;         ///< 0: not given
  QuantizeOptions quantize;
  std::string board; ///< --board: a name or a file
  Budget budget;
  std::string dumpStages, stopAfter, startFrom;
  std::optional<std::string> explain; ///< "-" is standard error, else a file for JSON
  bool dependencies = false;          ///< -MD
};

/// The flags of `run` and `bench`, handed on to the executable artifact.
struct RunOptions {
  CompileOptions compile; ///< of `model`, which may be an artifact
  std::vector<std::string> inputs;
  /// Of image inputs: one number, or one for each channel; empty: 0 and 1.
  std::vector<double> imageMean, imageStd;
  std::string outputDirectory;
  int threads = 0;   ///< 0: not given
  int64_t runs = 0;  ///< to measure; 0: about a second of them
  std::string trace; ///< of `bench --profile`: the file to write
  bool json = false, profile = false, serve = false;
};

struct EvalOptions {
  CompileOptions compile; ///< of `model`, which may be a shared library artifact
  std::string data;
  std::vector<std::string> metrics; ///< empty: all that the data allow
  std::string against, output;
  bool json = false;
};

struct VerifyOptions {
  CompileOptions compile;           ///< of `model`
  std::string against;              ///< the float model that it was quantized from
  std::vector<std::string> targets; ///< to compare with portable; empty: forms are compared
  std::vector<std::string> inputs;  ///< NAME=FILE
  std::string data;
  uint64_t seed = 1;
  int samples = 1; ///< random ones
  std::optional<double> minSqnr, maxSteps;
  bool json = false;
};

struct InspectOptions {
  std::string artifact;
  bool json = false;
};

enum class Command {
  Compile,
  Run,
  Bench,
  Inspect,
  Quantize,
  Eval,
  Verify,
  ListTargets,
  ListBoards
};

struct Options {
  Command command = Command::Compile;
  CompileOptions compile;
  RunOptions run;
  EvalOptions eval;
  VerifyOptions verify;
  InspectOptions inspect;
  /// How the command's model is compiled, if it has one.
  const CompileOptions &getCompile() const {
    if (command == Command::Eval)
      return eval.compile;
    if (command == Command::Verify)
      return verify.compile;
    return command == Command::Run || command == Command::Bench ? run.compile : compile;
  }
};

/// Parses the command line. Prints help or what is wrong itself; then the result is the exit
/// status.
struct Parsed {
  Options options;
  std::optional<int> exitStatus;
};
Parsed parseCommandLine(int argc, char **argv);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_OPTIONS_H
