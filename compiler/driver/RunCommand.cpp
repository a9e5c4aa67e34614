// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Commands.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

namespace fs = llvm::sys::fs;

namespace quern::driver {

static int fail(const std::string &message) {
  llvm::errs() << "error: " << message << '\n';
  return ExitFailed;
}

/// Runs the program and passes its exit status on.
static int execute(const std::string &program, const std::vector<std::string> &arguments) {
  std::vector<llvm::StringRef> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::string message;
  bool failedToStart = false;
  int status =
      llvm::sys::ExecuteAndWait(program, words, std::nullopt, {}, 0, 0, &message, &failedToStart);
  if (failedToStart || status < 0)
    return fail("'" + program + "': " + message);
  return status;
}

/// Compiles the model to an executable in a folder of its own, runs it and removes it.
static int compileAndExecute(CompileOptions options, const std::vector<std::string> &arguments) {
  llvm::SmallString<128> folder;
  if (std::error_code code = fs::createUniqueDirectory("quern", folder))
    return fail("temporary folder: " + code.message());
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, llvm::sys::path::stem(options.model));
  options.output = path.str().str();
  llvm::sys::RemoveFileOnSignal(options.output);
  options.emit = "exe";
  int status = runCompile(options);
  if (status == ExitDone)
    status = execute(options.output, arguments);
  if (std::error_code code = fs::remove_directories(folder))
    llvm::errs() << "warning: '" << folder << "': " << code.message() << '\n';
  return status;
}

static int runArtifact(const RunOptions &options, std::vector<std::string> arguments) {
  const std::string &path = options.compile.model;
  for (const std::string &input : options.inputs)
    arguments.push_back("--input=" + input);
  if (options.threads)
    arguments.push_back("--threads=" + std::to_string(options.threads));
  llvm::file_magic magic;
  if (std::error_code code = llvm::identify_magic(path, magic))
    return fail("'" + path + "': " + code.message());
  switch (magic) {
  case llvm::file_magic::elf_executable:
    // A bare name would be looked up in PATH.
    return execute(llvm::sys::path::has_parent_path(path) ? path : "./" + path, arguments);
  case llvm::file_magic::elf_shared_object:
  case llvm::file_magic::elf_relocatable:
  case llvm::file_magic::archive:
    return fail("'" + path +
                "': expected an executable artifact or a model, found a library; "
                "compile with --emit=exe");
  default:
    return compileAndExecute(options.compile, arguments);
  }
}

int runRun(const RunOptions &options) {
  return runArtifact(options, {"--output-dir=" + options.outputDirectory});
}

int runBench(const RunOptions &options) {
  std::vector<std::string> arguments;
  if (options.serve)
    arguments.push_back("--serve");
  else
    arguments.push_back(options.profile ? "--profile" : "--bench");
  if (options.json)
    arguments.push_back("--json");
  return runArtifact(options, arguments);
}

} // namespace quern::driver
