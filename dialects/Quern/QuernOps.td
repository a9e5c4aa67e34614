// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_TD
#define QUERN_OPS_TD

include "dialects/Quern/Ops/Contraction.td"
include "dialects/Quern/Ops/Dispatch.td"
include "dialects/Quern/Ops/Elementwise.td"
include "dialects/Quern/Ops/Row.td"
include "dialects/Quern/Ops/Shape.td"
include "dialects/Quern/Ops/Storage.td"

#endif // QUERN_OPS_TD
