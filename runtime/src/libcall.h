// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions that LLVM calls by their standard names (memcpy, fmaf, ...): the artifact has no C
// library. Hidden, so that a library artifact does not offer them to others; kept, because the
// calls appear only after the last IR pass. Unit tests compile them under another name.

#ifndef QUERN_LIBCALL_H
#define QUERN_LIBCALL_H

#ifdef QUERN_HOSTED
#define QUERN_LIBCALL_NAME(name) quern_hosted_##name
#define QUERN_LIBCALL
#else
#define QUERN_LIBCALL_NAME(name) name
#define QUERN_LIBCALL __attribute__((used, visibility("hidden")))
#endif

#endif // QUERN_LIBCALL_H
