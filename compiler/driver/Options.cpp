// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Options.h"

#include "cmake/Version.h"
#include "compiler/board/Units.h"
#include "compiler/driver/PrecisionOptions.h"
#include "compiler/evaluate/Metrics.h"
#include "compiler/package/Artifact.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/target/LLVM/DeviceCode.h"
#include "passes/Calibrate/Observer.h"
#include "passes/Quantize/WeightScheme.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include "CLI/CLI.hpp"

#include <cmath>

namespace quern::driver {

static constexpr int64_t maxDim = int64_t{1} << 40;

/// NAME=1x3x224x224; the name may hold '=' itself.
static std::pair<std::string, std::vector<int64_t>> parseShape(const std::string &text) {
  size_t at = text.rfind('=');
  if (at == std::string::npos || at == 0)
    throw CLI::ValidationError("--shape", "expected NAME=1x3x224x224, found '" + text + "'");
  std::vector<int64_t> dims;
  for (const std::string &part : CLI::detail::split(text.substr(at + 1), 'x')) {
    int64_t dim = 0;
    if (!CLI::detail::lexical_cast(part, dim) || dim < 1 || dim > maxDim)
      throw CLI::ValidationError(
          "--shape",
          llvm::formatv("expected positive sizes with 'x' between them in '{0}', found '{1}'", text,
                        part)
              .str());
    dims.push_back(dim);
  }
  return {text.substr(0, at), dims};
}

static std::string checkStage(const std::string &name) {
  std::string names;
  for (const Stage &stage : getStages())
    names += (names.empty() ? "" : ", ") + std::string(stage.name);
  return findStage(name) >= 0 ? "" : "there is no stage '" + name + "', expected one of " + names;
}

static std::string checkTarget(const std::string &name) {
  std::string why;
  return lookupTargetBackends(name, &why).empty() ? why : "";
}

static std::string checkEmit(const std::string &kind) {
  if (kind == "mlir" || kind == "ptx" || artifact::parseArtifactKind(kind))
    return "";
  return "unknown kind '" + kind + "', expected one of exe, so, a, obj, asm, llvm, mlir, ptx";
}

static std::string checkIo(const std::string &io) {
  return io == "float" || io == "codes" ? "" : "unknown form '" + io + "', expected float or codes";
}

/// What images are divided by.
static std::string checkDivisor(const std::string &text) {
  double number = 0;
  bool valid = CLI::detail::lexical_cast(text, number) && std::isfinite(number) && number != 0;
  return valid ? "" : "expected numbers other than 0 with ',' between them, found '" + text + "'";
}

static std::string checkNumber(const std::string &text) {
  double number = 0;
  bool valid = CLI::detail::lexical_cast(text, number) && std::isfinite(number);
  return valid ? "" : "expected numbers with ',' between them, found '" + text + "'";
}

static std::string checkPrefix(const std::string &name) {
  bool valid = !name.empty() && (llvm::isAlpha(name[0]) || name[0] == '_') &&
               llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  return valid ? "" : "expected a C identifier, found '" + name + "'";
}

static std::string checkObserver(const std::string &name) {
  std::string names;
  for (const ObserverInfo &info : getObservers())
    names += (names.empty() ? "" : ", ") + info.name.str();
  return lookupObserver(name) ? "" : "unknown observer '" + name + "', expected one of " + names;
}

static std::string checkPrecision(const std::string &name) {
  return name == "auto" || parsePrecision(name)
             ? ""
             : "unknown precision '" + name +
                   "', expected auto, int8, or w8, w4, w3 or w2, then perhaps g32, g64 or "
                   "g128, then perhaps a8";
}

/// How a float model is quantized on the way.
static void addQuantizeFlags(CLI::App &app, QuantizeOptions &options) {
  CLI::Option *data = app.add_option("--calibrate", options.data, "a data set to quantize with")
                          ->type_name("DATA.json");
  app.add_option("--precision", options.precision, "what to quantize to")
      ->check(checkPrecision)
      ->needs(data)
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--observer", options.observer, "how ranges are found")
      ->check(checkObserver)
      ->needs(data)
      ->type_name("NAME");
  app.add_option("--recipe", options.recipe, "the algorithms to use, and what to leave in float")
      ->needs(data)
      ->type_name("FILE.json");
  app.add_option("--statistics", options.statistics, "keeps what was observed, to go on from")
      ->needs(data)
      ->type_name("FILE.json");
  addBudgetFlags(app, options, data);
}

static void addTargetFlag(CLI::App &app, CompileOptions &options) {
  app.add_option("--target", options.target,
                 "machine to compile for: a target of --list-targets, TARGET:PROCESSOR, or several "
                 "with commas between them")
      ->check(checkTarget)
      ->type_name("NAME")
      ->capture_default_str();
}

/// What `compile` shares with commands that may be given a model.
static void addModelFlags(CLI::App &app, CompileOptions &options) {
  app.add_option_function<std::vector<std::string>>(
         "--shape",
         [&options](const std::vector<std::string> &shapes) {
           for (const std::string &text : shapes) {
             auto shape = parseShape(text);
             for (const auto &known : options.shapes)
               if (known.first == shape.first)
                 throw CLI::ValidationError("--shape", "input '" + shape.first +
                                                           "' has two shapes, expected one");
             options.shapes.push_back(std::move(shape));
           }
         },
         "dimensions of a graph input, as x=1x3x224x224; once for each input")
      ->type_name("NAME=DIMS")
      ->allow_extra_args(false);
  app.add_option(
         "--keep", options.keep,
         "tensors to add to the outputs, by name: * stands for any letters; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_option_function<std::string>(
         "--io", [&options](const std::string &io) { options.exchangeCodes = io == "codes"; },
         "float (as in the model), or codes: inputs that the model quantizes at once and outputs "
         "that it dequantizes last are exchanged as their integer codes; inspect tells the scales")
      ->check(checkIo)
      ->type_name("float|codes");
  app.add_option("--threads-max", options.threadsMax,
                 "the most threads that will run the artifact: work is divided for that many")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  addQuantizeFlags(app, options.quantize);
}

static std::string checkBoard(const std::string &name) {
  auto board = findBoard(name);
  return board ? "" : llvm::toString(board.takeError());
}

template <typename T>
static void addLimit(CLI::App &app, const char *flag, std::optional<T> &limit,
                     llvm::Expected<T> (*parse)(llvm::StringRef), const char *description,
                     const char *unit) {
  app.add_option_function<std::string>(
         flag,
         [&limit, parse, flag](const std::string &text) {
           auto value = parse(text);
           if (!value)
             throw CLI::ValidationError(flag, llvm::toString(value.takeError()));
           limit = *value;
         },
         description)
      ->type_name(unit);
}

/// What the artifact may take, and of which machine.
static void addBudgetFlags(CLI::App &app, CompileOptions &options) {
  app.add_option(
         "--board", options.board,
         "the machine: one of 'quern boards' or a file; it gives the target, if --target is "
         "not said, and what latency is estimated for")
      ->check(checkBoard)
      ->type_name("NAME|FILE.json");
  addLimit(app, "--max-size", options.budget.size, parseBytes, "fail if the file is larger",
           "BYTES");
  addLimit(app, "--max-arena", options.budget.arena, parseBytes,
           "fail if activations take more memory", "BYTES");
  addLimit(app, "--max-stack", options.budget.stack, parseBytes, "fail if a call takes more stack",
           "BYTES");
  addLimit(app, "--max-latency", options.budget.latency, parseSeconds,
           "fail if an inference is estimated to take longer, on one thread or as many as "
           "--threads-max says",
           "TIME");
}

static void addCompile(CLI::App &app, Options &options) {
  CompileOptions &compile = options.compile;
  CLI::App *command = app.add_subcommand("compile", "compile a model to an artifact");
  command->add_option("MODEL", compile.model, "an ONNX file, or with --start-from a .mlir file")
      ->required();
  command->add_option("-o,--output", compile.output, "the file to write")->type_name("OUT");
  command->add_option("--emit", compile.emit, "exe, so, a, obj, asm, llvm, mlir or ptx")
      ->check(checkEmit)
      ->type_name("KIND")
      ->capture_default_str();
  addTargetFlag(*command, compile);
  addModelFlags(*command, compile);
  addBudgetFlags(*command, compile);
  command->add_option("--name", compile.name, "prefix of the functions of a library")
      ->check(checkPrefix)
      ->type_name("PREFIX");
  command->add_option("--dump-stages", compile.dumpStages, "write each stage's result there")
      ->type_name("DIR");
  command->add_option("--stop-after", compile.stopAfter, "the last stage (with --emit=mlir)")
      ->check(checkStage)
      ->type_name("STAGE");
  command->add_option("--start-from", compile.startFrom, "MODEL is what this stage dumped")
      ->check(checkStage)
      ->type_name("STAGE");
  command
      ->add_option_function<std::string>(
          "--explain", [&compile](const std::string &file) { compile.explain = file; },
          "say what became of each op: as a table, or with =FILE as JSON to a file")
      ->type_name("[=FILE]");
  command->add_flag("--MD", compile.dependencies, "write the files read to OUT.d, as make rules");
  command->footer(R"(
Examples:
  quern compile model.onnx -o model                          a program for this machine
  quern compile model.onnx -o model --shape=x=1x3x224x224    a dimension that the model leaves open
  quern compile model.onnx -o libmodel.so --emit=so          a library, and libmodel.h beside it
  quern compile model.onnx -o model --io=codes --threads-max=1
  quern compile model.onnx -o model --explain                what became of each op, and why
  quern compile model.onnx -o model --board=raspberry-pi-5 --max-size=4MB --max-latency=20ms
  quern compile model.onnx --emit=mlir --stop-after=legalize one stage of the IR)");
  command->callback([&options, command] {
    options.command = Command::Compile;
    // The board was found when the flag was checked.
    if (!options.compile.board.empty() && command->get_option("--target")->count() == 0)
      options.compile.target = llvm::cantFail(findBoard(options.compile.board)).target;
  });
}

static void addBoards(CLI::App &app, Options &options) {
  CLI::App *command = app.add_subcommand("boards", "list the machines that --board knows");
  command->callback([&options] { options.command = Command::ListBoards; });
}

static void addRunFlags(CLI::App &command, RunOptions &run) {
  command.add_option("ARTIFACT", run.compile.model, "an executable artifact, or a model")
      ->required();
  command
      .add_option(
          "--input", run.inputs,
          "once for each input: a .npy file, raw bytes (row-major, little-endian), or a JPEG "
          "or PNG image of the input's size")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  command
      .add_option(
          "--image-mean", run.imageMean,
          "of an image's pixels, 0 to 255, the input takes (pixel - MEAN) / STD: one number, "
          "or one for each channel; 0 if not given")
      ->check(checkNumber)
      ->delimiter(',')
      ->type_name("M[,M,M]")
      ->allow_extra_args(false);
  command.add_option("--image-std", run.imageStd, "see --image-mean; 1 if not given")
      ->check(checkDivisor)
      ->delimiter(',')
      ->type_name("D[,D,D]")
      ->allow_extra_args(false);
  command.add_option("--threads", run.threads, "threads to use")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  addTargetFlag(command, run.compile);
  addModelFlags(command, run.compile);
}

static void addRun(CLI::App &app, Options &options) {
  CLI::App *command = app.add_subcommand("run", "run an artifact or a model once");
  addRunFlags(*command, options.run);
  command->add_option("--output-dir", options.run.outputDirectory, "gets NAME.npy for each output")
      ->required()
      ->type_name("DIR");
  command->footer(R"(
An image goes to an input [1, C, H, W] or [1, H, W, C] of u8, f32 or codes (--io=codes), C being 1 or
3 (red, green, blue); a grey image fills all three. Its size must be the input's: nothing is resized,
cropped or turned. A u8 input takes the pixels as they are, the others (pixel - MEAN) / STD.

Examples:
  quern run model --input=x=x.npy --output-dir=out           writes out/NAME.npy for each output
  quern run model.onnx --input=x=cat.jpg --image-std=255 --output-dir=out
  quern run model.onnx --input=x=cat.jpg --image-mean=123.675,116.28,103.53 \
      --image-std=58.395,57.12,57.375 --output-dir=out       as torchvision's models want it
  quern run model.onnx --input=x=x.raw --keep='*conv1*' --output-dir=out)");
  command->callback([&options] { options.command = Command::Run; });
}

static void addBench(CLI::App &app, Options &options) {
  CLI::App *command = app.add_subcommand("bench", "time an artifact or a model");
  addRunFlags(*command, options.run);
  command->add_flag("--json", options.run.json, "print JSON");
  command
      ->add_option("--runs", options.run.runs, "runs to measure; without, about a second of them")
      ->check(CLI::Range(1, 10000000))
      ->type_name("N");
  command->add_flag("--profile", options.run.profile,
                    "time each dispatch, and compare with what the machine can do");
  command
      ->add_option("--trace", options.run.trace,
                   "with --profile, also write when each chunk ran, for Perfetto")
      ->type_name("FILE");
  command->add_flag("--serve", options.run.serve,
                    "print 'ready'; answer each line N with N latencies in nanoseconds");
  command->callback([&options] {
    options.command = Command::Bench;
    options.run.profile |= !options.run.trace.empty();
  });
}

static void addInspect(CLI::App &app, Options &options) {
  CLI::App *command = app.add_subcommand("inspect", "say what an artifact holds and needs");
  command->add_option("ARTIFACT", options.inspect.artifact, "any binary artifact")->required();
  command->add_flag("--json", options.inspect.json, "print JSON");
  command->callback([&options] { options.command = Command::Inspect; });
}

static void addQuantize(CLI::App &app, Options &options) {
  CompileOptions &compile = options.compile;
  CLI::App *command =
      app.add_subcommand("quantize", "write a float model's quantization as an ONNX file");
  command->add_option("MODEL", compile.model, "an ONNX file")->required();
  command->add_option("-o,--output", compile.output, "the file to write")
      ->required()
      ->type_name("OUT.onnx");
  addTargetFlag(*command, compile);
  addModelFlags(*command, compile);
  command->get_option("--calibrate")->required();
  command->callback([&options] { options.command = Command::Quantize; });
}

static std::string checkMetric(const std::string &name) {
  std::string names;
  for (const Metric &metric : getMetrics())
    names += (names.empty() ? "" : ", ") + metric.name.str();
  return lookupMetric(name) ? "" : "unknown metric '" + name + "', expected one of " + names;
}

static void addEval(CLI::App &app, Options &options) {
  EvalOptions &eval = options.eval;
  CLI::App *command = app.add_subcommand("eval", "measure a model's accuracy on a data set");
  command->add_option("ARTIFACT", eval.compile.model, "a model, or a shared library artifact")
      ->required();
  command->add_option("--data", eval.data, "the data set")->required()->type_name("DATA.json");
  command->add_option("--metric", eval.metrics, "what to measure; all that is possible if not said")
      ->check(checkMetric)
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--against", eval.against, "the model to compare with")->type_name("MODEL");
  command->add_option("--of", eval.output, "the output to look at; the first if not said")
      ->type_name("NAME");
  command->add_flag("--json", eval.json, "print JSON");
  addTargetFlag(*command, eval.compile);
  addModelFlags(*command, eval.compile);
  command->callback([&options] { options.command = Command::Eval; });
}

static std::string checkOneTarget(const std::string &name) {
  std::string why;
  return lookupTargetBackend(name, &why) ? "" : why;
}

/// What a quantized model is compared with, and on which inputs.
static void addVerifyFlags(CLI::App &command, VerifyOptions &verify) {
  CLI::Option *against =
      command
          .add_option("--against", verify.against, "the float model that MODEL was quantized from")
          ->type_name("MODEL");
  command
      .add_option("--target", verify.targets,
                  "compare what these targets compute with what portable does; native if neither "
                  "--against nor --calibrate is given")
      ->check(checkOneTarget)
      ->delimiter(',')
      ->type_name("NAME[,NAME]")
      ->excludes(against)
      ->allow_extra_args(false);
  CLI::Option *input =
      command
          .add_option("--input", verify.inputs,
                      "a .npy file, once for each input; random values if not said")
          ->type_name("NAME=FILE")
          ->allow_extra_args(false);
  command.add_option("--data", verify.data, "a data set, all of its samples")
      ->type_name("DATA.json")
      ->excludes(input);
  command.add_option("--seed", verify.seed, "of random inputs")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--samples", verify.samples, "how many random samples")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--min-sqnr", verify.minSqnr,
                  "fail if a tensor's signal to noise ratio is lower, in dB")
      ->check(checkNumber)
      ->type_name("DB");
  command
      .add_option("--max-steps", verify.maxSteps,
                  "fail if a code is off by more than that many steps")
      ->check(checkNumber)
      ->type_name("N");
  command.add_flag("--json", verify.json, "print JSON");
}

static void addVerify(CLI::App &app, Options &options) {
  CLI::App *command = app.add_subcommand(
      "verify", "compare node by node: a quantized model with its float original, or targets");
  command->add_option("MODEL", options.verify.compile.model, "an ONNX file")->required();
  addVerifyFlags(*command, options.verify);
  addModelFlags(*command, options.verify.compile);
  command->get_option("--calibrate")->excludes(command->get_option("--against"));
  command->footer(R"(
Examples:
  quern verify model_int8.onnx --against=model.onnx           where does the error arise?
  quern verify model.onnx --calibrate=calib.json --data=eval.json --min-sqnr=20
  quern verify model_int8.onnx --target=arm-dotprod,arm-neon  the same codes as portable's?)");
  command->callback([&options] { options.command = Command::Verify; });
}

static bool isForDevice(const CompileOptions &compile) {
  std::vector<const TargetBackend *> targets = lookupTargetBackends(compile.target);
  return !targets.empty() && isDevice(targets.front()->getTargetInfo());
}

/// What the target's kind of machine allows.
static std::string checkDevice(const CompileOptions &compile) {
  if (!isForDevice(compile))
    return compile.emit == "ptx"
               ? "--emit=ptx: expected a target cuda-…, found '" + compile.target + "'"
               : "";
  bool isKnown = compile.emit == "exe" || compile.emit == "ptx" || compile.emit == "mlir";
  if (!isKnown)
    return "--emit: expected exe, ptx or mlir with the target '" + compile.target + "', found '" +
           compile.emit + "'";
  if (!compile.quantize.data.empty())
    return "--calibrate: expected a CPU target, found '" + compile.target +
           "'; quern quantize writes a model that compiles for it";
  const Budget &budget = compile.budget;
  if (!compile.board.empty() || budget.size || budget.arena || budget.stack || budget.latency)
    return "--board and limits: expected a CPU target, found '" + compile.target + "'";
  return "";
}

/// What the flags mean together.
static std::string checkCompile(const CompileOptions &compile) {
  if (!compile.stopAfter.empty() && compile.emit != "mlir")
    return "--stop-after needs --emit=mlir";
  if (!compile.startFrom.empty()) {
    int start = findStage(compile.startFrom);
    if (start + 1 >= static_cast<int>(getStages().size()))
      return "--start-from: nothing follows the stage '" + compile.startFrom + "'";
    if (!compile.stopAfter.empty() && findStage(compile.stopAfter) <= start)
      return "--stop-after: the stage '" + compile.stopAfter + "' is over where '" +
             compile.startFrom + "' ends";
  }
  if (std::string message = checkDevice(compile); !message.empty())
    return message;
  bool isSeveral = llvm::StringRef(compile.target).contains(',');
  bool isOneOnly = compile.emit == "mlir" || compile.emit == "asm" || compile.emit == "llvm" ||
                   compile.explain || !compile.dumpStages.empty() || !compile.startFrom.empty();
  const Budget &budget = compile.budget;
  if (compile.emit != "exe" && compile.emit != "so" && compile.emit != "a" &&
      compile.emit != "obj" && (budget.size || budget.arena || budget.stack || budget.latency))
    return "--max-size, --max-arena, --max-stack and --max-latency are for binary artifacts: "
           "expected --emit=exe, so, a or obj, found " +
           compile.emit;
  if (isSeveral && isOneOnly)
    return "--target: expected one target with --emit=mlir, asm or llvm, --explain, --dump-stages "
           "and --start-from, found '" +
           compile.target + "'";
  bool isText = compile.emit == "mlir" || compile.emit == "asm" || compile.emit == "llvm" ||
                compile.emit == "ptx";
  if (compile.output.empty() && !isText)
    return "expected -o OUT";
  if (compile.output == "-" && !isText)
    return "-o -: only text (--emit=mlir, asm, llvm or ptx) goes to standard output";
  if (compile.dependencies && (compile.output.empty() || compile.output == "-"))
    return "-MD needs -o OUT";
  return "";
}

static std::string checkVerify(const VerifyOptions &verify) {
  for (const std::string &name : verify.targets)
    if (isDevice(lookupTargetBackend(name)->getTargetInfo()))
      return "--target: expected CPU targets, found '" + name + "'";
  if (isForDevice(verify.compile))
    return "--target: expected a CPU target, found '" + verify.compile.target + "'";
  bool comparesForms = !verify.against.empty() || !verify.compile.quantize.data.empty();
  if (verify.minSqnr && (!comparesForms || !verify.targets.empty()))
    return "--min-sqnr is for a comparison with a float model: --against=MODEL or --calibrate";
  return "";
}

/// Commands that run a model in this process do so on a CPU.
static std::string checkRunsHere(const Options &options) {
  const CompileOptions &compile =
      options.command == Command::Eval                                       ? options.eval.compile
      : options.command == Command::Run || options.command == Command::Bench ? options.run.compile
                                                                             : options.compile;
  if (!isForDevice(compile))
    return "";
  return "--target: expected a CPU target, found '" + compile.target +
         "'; quern compile makes a program for it";
}

static int reportUsage(const std::string &message) {
  std::cerr << "error: " << message << "\nnote: --help prints the usage\n";
  return ExitUsage;
}

/// -MD is one flag, not three letters; --explain alone must not take the next word for its file.
static std::string spell(const std::string &argument) {
  if (argument == "-MD")
    return "--MD";
  return argument == "--explain" ? "--explain=-" : argument;
}

static std::vector<std::string> takeArguments(int argc, char **argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i)
    arguments.push_back(spell(argv[i]));
  return arguments;
}

/// What is wrong with options that fit each for itself but not together; empty if nothing is.
static std::string checkCommand(const Options &options) {
  if (std::string message = checkBudgets(options.getCompile().quantize); !message.empty())
    return message;
  if (options.command == Command::Compile)
    return checkCompile(options.compile);
  return options.command == Command::Verify ? checkVerify(options.verify) : checkRunsHere(options);
}

Parsed parseCommandLine(int argc, char **argv) {
  Parsed parsed;
  Options &options = parsed.options;
  CLI::App app("Quern compiles quantized models ahead of time.", "quern");
  app.set_version_flag("--version", "quern " QUERN_VERSION_STRING);
  bool listTargets = false;
  app.add_flag("--list-targets", listTargets, "print the targets");
  app.require_subcommand(0, 1);
  addCompile(app, options);
  addRun(app, options);
  addBench(app, options);
  addInspect(app, options);
  addQuantize(app, options);
  addEval(app, options);
  addVerify(app, options);
  addBoards(app, options);
  try {
    app.parse(takeArguments(argc, argv));
  } catch (const CLI::Success &success) {
    parsed.exitStatus = app.exit(success);
    return parsed;
  } catch (const CLI::Error &error) {
    parsed.exitStatus = reportUsage(error.what());
    return parsed;
  }
  if (listTargets)
    options.command = Command::ListTargets;
  else if (app.get_subcommands().empty())
    parsed.exitStatus = reportUsage(
        "expected a command: compile, run, bench, inspect, quantize, eval, verify or boards");
  else if (std::string message = checkCommand(options); !message.empty())
    parsed.exitStatus = reportUsage(message);
  return parsed;
}

} // namespace quern::driver
