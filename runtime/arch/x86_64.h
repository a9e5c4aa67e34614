// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x86-64 Linux; the interface is described in arch.h.

#ifndef QUERN_ARCH_X86_64_H
#define QUERN_ARCH_X86_64_H

enum {
  QUERN_SYS_READ = 0,
  QUERN_SYS_WRITE = 1,
  QUERN_SYS_CLOSE = 3,
  QUERN_SYS_LSEEK = 8,
  QUERN_SYS_MMAP = 9,
  QUERN_SYS_MPROTECT = 10,
  QUERN_SYS_MUNMAP = 11,
  QUERN_SYS_MADVISE = 28,
  QUERN_SYS_GETPID = 39,
  QUERN_SYS_GETTID = 186,
  QUERN_SYS_FUTEX = 202,
  QUERN_SYS_SCHED_SETAFFINITY = 203,
  QUERN_SYS_SCHED_GETAFFINITY = 204,
  QUERN_SYS_CLOCK_GETTIME = 228,
  QUERN_SYS_EXIT_GROUP = 231,
  QUERN_SYS_OPENAT = 257,
  QUERN_SYS_MKDIRAT = 258,
  QUERN_SYS_UNLINKAT = 263,
  QUERN_SYS_RENAMEAT = 264,
  QUERN_SYS_GETCPU = 309,
};

static inline int64_t quern_syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d,
                                    int64_t e, int64_t f) {
  int64_t result;
  register int64_t r10 __asm__("r10") = d;
  register int64_t r8 __asm__("r8") = e;
  register int64_t r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// Calls the function %0 with the initial stack pointer; the stack is aligned as the ABI wants it.
#define QUERN_START_ASM                                                                            \
  "xorl %%ebp, %%ebp\n\t"                                                                          \
  "movq %%rsp, %%rdi\n\t"                                                                          \
  "andq $-16, %%rsp\n\t"                                                                           \
  "call %c0\n\t"                                                                                   \
  "ud2"
#define QUERN_START_OPERAND(function) "i"(function)

// clone(flags, stack, 0, child_tid); the child calls function(argument) and exits. Arguments:
// rdi flags, rsi stack top, rdx child_tid, rcx function, r8 argument.
#define QUERN_CLONE_ASM                                                                            \
  "movq %rcx, %r9\n\t"                                                                             \
  "movq %rdx, %r10\n\t"                                                                            \
  "xorl %edx, %edx\n\t"                                                                            \
  "movl $56, %eax\n\t"                                                                             \
  "syscall\n\t"                                                                                    \
  "testq %rax, %rax\n\t"                                                                           \
  "jz 1f\n\t"                                                                                      \
  "ret\n"                                                                                          \
  "1:\n\t"                                                                                         \
  "xorl %ebp, %ebp\n\t"                                                                            \
  "movq %r8, %rdi\n\t"                                                                             \
  "call *%r9\n\t"                                                                                  \
  "xorl %edi, %edi\n\t"                                                                            \
  "movl $60, %eax\n\t"                                                                             \
  "syscall\n\t"                                                                                    \
  "ud2"

static inline void quern_relax(void) { __asm__ volatile("pause"); }

static inline uint64_t quern_ticks(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

// About 50 microseconds on the 2 to 4 GHz counters of today's machines.
static inline uint64_t quern_ticks_of_spin(void) { return 150000; }

// MXCSR with its sticky exception flags left out.
#define QUERN_FP_DEFAULT 0x1f80u
static inline uint32_t quern_fp_mode(void) {
  uint32_t mode;
  __asm__ volatile("stmxcsr %0" : "=m"(mode));
  return mode & ~0x3fu;
}
static inline void quern_set_fp_mode(uint32_t mode) {
  __asm__ volatile("ldmxcsr %0" : : "m"(mode));
}

static inline void quern_copy_up(void *to, const void *from, size_t bytes) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}
static inline void quern_fill(void *to, int value, size_t bytes) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
}

#endif // QUERN_ARCH_X86_64_H
