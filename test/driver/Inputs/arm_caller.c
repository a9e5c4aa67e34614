// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program without a C library that runs the digits model from a static library and from an
// object: the last 256 bytes of standard input are the image, both results go to standard output.

#include "arch/arch.h"
#include "libdigits.h"
#include "other.h"

static _Alignas(64) unsigned char arena[DIGITS_ARENA_BYTES];
static unsigned char file[4096];
static float image[64], logits[2][10];

__attribute__((noreturn)) static void leave(int status) {
  for (;;)
    quern_syscall(QUERN_SYS_EXIT_GROUP, status, 0, 0, 0, 0, 0);
}

static void start(void) {
  const void *const inputs[] = {image};
  void *const first[] = {logits[0]}, *const second[] = {logits[1]};
  int64_t bytes = quern_syscall(QUERN_SYS_READ, 0, (int64_t)file, sizeof(file), 0, 0, 0);
  if (bytes < (int64_t)sizeof(image))
    leave(1);
  for (unsigned i = 0; i < sizeof(image); i++)
    ((unsigned char *)image)[i] = file[bytes - (int64_t)sizeof(image) + i];
  if (digits_check_cpu() || other_check_cpu())
    leave(3);
  if (digits_run(0, inputs, first, arena, sizeof(arena), 0))
    leave(1);
  if (other_run(0, inputs, second, arena, sizeof(arena), 0))
    leave(1);
  quern_syscall(QUERN_SYS_WRITE, 1, (int64_t)logits, sizeof(logits), 0, 0, 0);
  leave(0);
}

__attribute__((naked, noreturn, used)) void _start(void) {
  __asm__(QUERN_START_ASM : : QUERN_START_OPERAND(start));
}
