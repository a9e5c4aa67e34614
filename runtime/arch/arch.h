// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What differs between architectures, in one header for each. Each gives:
//   quern_syscall, QUERN_SYS_*            Linux system calls
//   QUERN_START_ASM, QUERN_CLONE_ASM      bodies of the entry point and of the thread starter
//   quern_relax, quern_ticks, quern_ticks_of_spin  waiting
//   quern_fp_mode, quern_set_fp_mode, QUERN_FP_DEFAULT  rounding and subnormals
//   quern_copy_up, quern_fill             the memory loops behind memcpy and memset

#ifndef QUERN_ARCH_ARCH_H
#define QUERN_ARCH_ARCH_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "arch/x86_64.h"
#elif defined(__aarch64__)
#include "arch/aarch64.h"
#else
#error "the runtime has no header for this architecture in runtime/arch"
#endif

#endif // QUERN_ARCH_ARCH_H
