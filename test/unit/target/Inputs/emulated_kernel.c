// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs one kernel, quern_test_kernel, in a process of its own, for machines that only an emulator
// has: no C library. Standard input is, in 64-bit words, the number of buffers, the number of cuts,
// the sizes of the buffers, the cuts, and then the buffers' bytes; the kernel runs on the units
// [cut i, cut i + 1) one after the other, and the buffers' bytes go to standard output. Exit status
// 4 if the kernel wrote around a buffer; what it may read behind one is 64 bytes, then comes a page
// without access.

#include "arch/arch.h"
#include "src/memory.c"

enum { PAGE = 4096, SLACK = 64, MOST_BUFFERS = 8, GUARD = 0xa5 };

typedef char *P;
typedef int64_t I;
void quern_test_kernel(void);

static void call(P *p, I count, I begin, I end) {
  void *k = (void *)quern_test_kernel;
  switch (count) {
  case 1:
    ((void (*)(P, I, I))k)(p[0], begin, end);
    break;
  case 2:
    ((void (*)(P, P, I, I))k)(p[0], p[1], begin, end);
    break;
  case 3:
    ((void (*)(P, P, P, I, I))k)(p[0], p[1], p[2], begin, end);
    break;
  case 4:
    ((void (*)(P, P, P, P, I, I))k)(p[0], p[1], p[2], p[3], begin, end);
    break;
  case 5:
    ((void (*)(P, P, P, P, P, I, I))k)(p[0], p[1], p[2], p[3], p[4], begin, end);
    break;
  case 6:
    ((void (*)(P, P, P, P, P, P, I, I))k)(p[0], p[1], p[2], p[3], p[4], p[5], begin, end);
    break;
  case 7:
    ((void (*)(P, P, P, P, P, P, P, I, I))k)(p[0], p[1], p[2], p[3], p[4], p[5], p[6], begin, end);
    break;
  default:
    ((void (*)(P, P, P, P, P, P, P, P, I, I))k)(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7],
                                                begin, end);
  }
}

__attribute__((noreturn)) static void leave(int status) {
  for (;;)
    quern_syscall(QUERN_SYS_EXIT_GROUP, status, 0, 0, 0, 0, 0);
}

/// All of the bytes, or the end of the process.
static void transfer(int64_t number, int64_t file, void *data, int64_t bytes) {
  while (bytes > 0) {
    int64_t done = quern_syscall(number, file, (int64_t)data, bytes, 0, 0, 0);
    if (done <= 0)
      leave(5);
    data = (char *)data + done;
    bytes -= done;
  }
}

static void take(void *data, int64_t bytes) { transfer(QUERN_SYS_READ, 0, data, bytes); }

/// A buffer that ends, but for the slack, at a page that nobody may touch.
static P make_buffer(I size, P *mapping, I *usable) {
  enum { READ_WRITE = 3, PRIVATE_ANONYMOUS = 0x22 };
  *usable = (PAGE + size + SLACK + PAGE - 1) / PAGE * PAGE;
  int64_t at =
      quern_syscall(QUERN_SYS_MMAP, 0, *usable + PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
  if (at < 0 && at > -PAGE)
    leave(5);
  quern_syscall(QUERN_SYS_MPROTECT, at + *usable, PAGE, 0, 0, 0, 0);
  *mapping = (P)at;
  memset(*mapping, GUARD, *usable);
  return *mapping + (*usable - SLACK - size) / 8 * 8;
}

static int is_guarded(const char *from, const char *to) {
  for (; from < to; from++)
    if (*from != (char)GUARD)
      return 0;
  return 1;
}

static void start(void) {
  I counts[2], sizes[MOST_BUFFERS], usable[MOST_BUFFERS], cuts[64];
  P buffers[MOST_BUFFERS], mappings[MOST_BUFFERS];
  take(counts, sizeof(counts));
  if (counts[0] < 1 || counts[0] > MOST_BUFFERS || counts[1] < 1 || counts[1] > 64)
    leave(5);
  take(sizes, counts[0] * sizeof(I));
  take(cuts, counts[1] * sizeof(I));
  for (I i = 0; i < counts[0]; i++) {
    buffers[i] = make_buffer(sizes[i], &mappings[i], &usable[i]);
    take(buffers[i], sizes[i]);
  }
  for (I i = 0; i + 1 < counts[1]; i++)
    call(buffers, counts[0], cuts[i], cuts[i + 1]);
  for (I i = 0; i < counts[0]; i++) {
    if (!is_guarded(mappings[i], buffers[i]) ||
        !is_guarded(buffers[i] + sizes[i], mappings[i] + usable[i]))
      leave(4);
    transfer(QUERN_SYS_WRITE, 1, buffers[i], sizes[i]);
  }
  leave(0);
}

__attribute__((naked, noreturn, used)) void _start(void) {
  __asm__(QUERN_START_ASM : : QUERN_START_OPERAND(start));
}
