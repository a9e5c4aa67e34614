// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/ArtifactRecord.h"
#include "compiler/driver/Commands.h"
#include "compiler/driver/InputFiles.h"
#include "compiler/driver/Profile.h"
#include "compiler/runner/Launch.h"
#include "compiler/runner/TemporaryFolder.h"

#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

namespace quern::driver {

static int fail(const std::string &message) {
  llvm::errs() << "error: " << message << '\n';
  return ExitFailed;
}

/// What is done with an executable artifact; gives the exit status.
using Execute =
    llvm::function_ref<int(const std::string &program, const std::vector<std::string> &arguments)>;

/// Runs the program and passes its exit status on; an AArch64 one elsewhere by emulation.
static int execute(const std::string &program, const std::vector<std::string> &arguments) {
  auto status = launchProgram(program, arguments);
  return status ? *status : fail(llvm::toString(status.takeError()));
}

namespace {

/// One `quern run` or `quern bench`.
class RunJob {
public:
  explicit RunJob(const RunOptions &options) : options(options) {}
  /// Makes the program and its inputs; then `execute` runs it with the arguments.
  int run(std::vector<std::string> arguments, Execute execute);

private:
  int findProgram();
  int compile();
  llvm::Expected<std::vector<std::string>> makeInputs();

  const RunOptions &options;
  TemporaryFolder folder;
  std::string program; ///< the executable's path
};

} // namespace

/// Compiles the model to an executable in the temporary folder.
int RunJob::compile() {
  auto path = folder.get(llvm::sys::path::stem(options.compile.model));
  if (!path)
    return fail(llvm::toString(path.takeError()));
  program = *path;
  llvm::sys::RemoveFileOnSignal(program);
  CompileOptions compile = options.compile;
  compile.output = program;
  compile.emit = "exe";
  return runCompile(compile);
}

int RunJob::findProgram() {
  const std::string &path = options.compile.model;
  llvm::file_magic magic;
  if (std::error_code code = llvm::identify_magic(path, magic))
    return fail("'" + path + "': " + code.message());
  switch (magic) {
  case llvm::file_magic::elf_executable:
    // A bare name would be looked up in PATH.
    program = llvm::sys::path::has_parent_path(path) ? path : "./" + path;
    return ExitDone;
  case llvm::file_magic::elf_shared_object:
  case llvm::file_magic::elf_relocatable:
  case llvm::file_magic::archive:
    return fail("'" + path +
                "': expected an executable artifact or a model, found a library; "
                "compile with --emit=exe");
  default:
    return compile();
  }
}

llvm::Expected<std::vector<std::string>> RunJob::makeInputs() {
  if (options.inputs.empty())
    return options.inputs;
  auto record = readArtifactRecord(program);
  if (!record)
    return record.takeError();
  auto path = folder.get();
  if (!path)
    return path.takeError();
  return prepareInputs(options, *record->package, *path);
}

int RunJob::run(std::vector<std::string> arguments, Execute execute) {
  if (int status = findProgram())
    return status;
  auto inputs = makeInputs();
  if (!inputs)
    return fail(llvm::toString(inputs.takeError()));
  for (const std::string &input : *inputs)
    arguments.push_back("--input=" + input);
  if (options.threads)
    arguments.push_back("--threads=" + std::to_string(options.threads));
  return execute(program, arguments);
}

int runRun(const RunOptions &options) {
  return RunJob(options).run({"--output-dir=" + options.outputDirectory}, execute);
}

int runBench(const RunOptions &options) {
  std::string runs = options.runs ? "=" + std::to_string(options.runs) : "";
  if (options.profile) {
    std::vector<std::string> arguments = {"--profile"};
    if (options.runs)
      arguments.push_back("--bench" + runs);
    return RunJob(options).run(arguments, [&](const auto &program, const auto &words) {
      return profileArtifact(program, words, options);
    });
  }
  std::vector<std::string> arguments = {options.serve ? "--serve" : "--bench" + runs};
  if (options.json)
    arguments.push_back("--json");
  return RunJob(options).run(std::move(arguments), execute);
}

} // namespace quern::driver
