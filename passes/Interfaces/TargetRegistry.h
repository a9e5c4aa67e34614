// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The targets that passes can be asked to compile for, by name.

#ifndef QUERN_PASSES_INTERFACES_TARGETREGISTRY_H
#define QUERN_PASSES_INTERFACES_TARGETREGISTRY_H

#include "passes/Interfaces/TargetModel.h"

#include "llvm/ADT/StringRef.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace quern {

using TargetFactory = std::function<std::unique_ptr<TargetModel>()>;

/// Makes `name` known. The factory is called when the target is looked up for the first time.
/// Registering a name again is ignored: the first one stays. Thread-safe, as are the others.
void registerTargetModel(llvm::StringRef name, TargetFactory factory);

/// The target of that name, or null. It lives as long as the process.
const TargetModel *lookupTargetModel(llvm::StringRef name);

/// All registered names, sorted.
std::vector<std::string> listTargets();

} // namespace quern

#endif // QUERN_PASSES_INTERFACES_TARGETREGISTRY_H
