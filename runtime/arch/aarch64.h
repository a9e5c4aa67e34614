// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// AArch64 Linux; the interface is described in arch.h.

#ifndef QUERN_ARCH_AARCH64_H
#define QUERN_ARCH_AARCH64_H

enum {
  QUERN_SYS_MKDIRAT = 34,
  QUERN_SYS_UNLINKAT = 35,
  QUERN_SYS_RENAMEAT = 38,
  QUERN_SYS_OPENAT = 56,
  QUERN_SYS_CLOSE = 57,
  QUERN_SYS_LSEEK = 62,
  QUERN_SYS_READ = 63,
  QUERN_SYS_WRITE = 64,
  QUERN_SYS_EXIT_GROUP = 94,
  QUERN_SYS_FUTEX = 98,
  QUERN_SYS_CLOCK_GETTIME = 113,
  QUERN_SYS_SCHED_SETAFFINITY = 122,
  QUERN_SYS_SCHED_GETAFFINITY = 123,
  QUERN_SYS_GETCPU = 168,
  QUERN_SYS_GETPID = 172,
  QUERN_SYS_GETTID = 178,
  QUERN_SYS_MUNMAP = 215,
  QUERN_SYS_MMAP = 222,
  QUERN_SYS_MPROTECT = 226,
  QUERN_SYS_MADVISE = 233,
};

static inline int64_t quern_syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d,
                                    int64_t e, int64_t f) {
  register int64_t x8 __asm__("x8") = number;
  register int64_t x0 __asm__("x0") = a;
  register int64_t x1 __asm__("x1") = b;
  register int64_t x2 __asm__("x2") = c;
  register int64_t x3 __asm__("x3") = d;
  register int64_t x4 __asm__("x4") = e;
  register int64_t x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
}

// Calls the function %0 with the initial stack pointer; the stack is aligned as the ABI wants it.
#define QUERN_START_ASM                                                                            \
  "mov x29, #0\n\t"                                                                                \
  "mov x30, #0\n\t"                                                                                \
  "mov x0, sp\n\t"                                                                                 \
  "and sp, x0, #-16\n\t"                                                                           \
  "bl %0\n\t"                                                                                      \
  "brk #1"
#define QUERN_START_OPERAND(function) "S"(function)

// clone(flags, stack, 0, 0, child_tid); the child calls function(argument) and exits. Arguments:
// x0 flags, x1 stack top, x2 child_tid, x3 function, x4 argument.
#define QUERN_CLONE_ASM                                                                            \
  "mov x9, x3\n\t"                                                                                 \
  "mov x10, x4\n\t"                                                                                \
  "mov x4, x2\n\t"                                                                                 \
  "mov x3, #0\n\t"                                                                                 \
  "mov x2, #0\n\t"                                                                                 \
  "mov x8, #220\n\t"                                                                               \
  "svc #0\n\t"                                                                                     \
  "cbz x0, 1f\n\t"                                                                                 \
  "ret\n"                                                                                          \
  "1:\n\t"                                                                                         \
  "mov x29, #0\n\t"                                                                                \
  "mov x0, x10\n\t"                                                                                \
  "blr x9\n\t"                                                                                     \
  "mov x0, #0\n\t"                                                                                 \
  "mov x8, #93\n\t"                                                                                \
  "svc #0\n\t"                                                                                     \
  "brk #1"

static inline void quern_relax(void) { __asm__ volatile("yield"); }

static inline uint64_t quern_ticks(void) {
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
}

// 50 microseconds.
static inline uint64_t quern_ticks_of_spin(void) {
  uint64_t per_second;
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(per_second));
  return per_second / 20000;
}

// FPCR.
#define QUERN_FP_DEFAULT 0u
static inline uint32_t quern_fp_mode(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return (uint32_t)mode;
}
static inline void quern_set_fp_mode(uint32_t mode) {
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode));
}

static inline void quern_copy_up(void *to, const void *from, size_t bytes) {
  unsigned char *t = (unsigned char *)to;
  const unsigned char *f = (const unsigned char *)from;
  for (; bytes >= 16; bytes -= 16, t += 16, f += 16) {
    typedef uint64_t pair __attribute__((vector_size(16), aligned(1), may_alias));
    *(pair *)t = *(const pair *)f;
  }
  while (bytes--)
    *t++ = *f++;
}
static inline void quern_fill(void *to, int value, size_t bytes) {
  typedef unsigned char block __attribute__((vector_size(16), aligned(1), may_alias));
  unsigned char *t = (unsigned char *)to;
  block all = (unsigned char)value - (block){};
  for (; bytes >= 16; bytes -= 16, t += 16)
    *(block *)t = all;
  while (bytes--)
    *t++ = (unsigned char)value;
}

#endif // QUERN_ARCH_AARCH64_H
