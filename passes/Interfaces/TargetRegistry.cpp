// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Interfaces/TargetRegistry.h"

#include <map>
#include <mutex>

namespace quern {

namespace {

struct Registered {
  TargetFactory factory;
  std::unique_ptr<TargetModel> model; ///< made at the first look-up
};

struct Registry {
  std::mutex mutex;
  std::map<std::string, Registered> targets;
};

} // namespace

static Registry &getRegistry() {
  static Registry registry;
  return registry;
}

void registerTargetModel(llvm::StringRef name, TargetFactory factory) {
  Registry &registry = getRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  registry.targets.try_emplace(name.str(), Registered{std::move(factory), nullptr});
}

const TargetModel *lookupTargetModel(llvm::StringRef name) {
  Registry &registry = getRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  auto found = registry.targets.find(name.str());
  if (found == registry.targets.end())
    return nullptr;
  if (!found->second.model)
    found->second.model = found->second.factory();
  return found->second.model.get();
}

std::vector<std::string> listTargets() {
  Registry &registry = getRegistry();
  std::lock_guard<std::mutex> lock(registry.mutex);
  std::vector<std::string> names;
  names.reserve(registry.targets.size());
  for (const auto &target : registry.targets)
    names.push_back(target.first);
  return names;
}

} // namespace quern
