// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls the model of handmade.mlir three times over: a shared and a static library and an object.

#include "libone.h"
#include "libtwo.h"
#include "three.h"
#include <stdio.h>

static _Alignas(64) unsigned char arena[ONE_ARENA_BYTES];
static float x[16], y[16];
static const void *const inputs[] = {x};
static void *const outputs[] = {y};

static void report(const char *name, quern_status status) {
  printf("%s: %s %.1f %.1f\n", name, status ? "failed" : "ok", (double)y[0], (double)y[15]);
  for (int i = 0; i < 16; i++)
    y[i] = -1;
}

int main(void) {
  if (one_check_cpu() || two_check_cpu() || three_check_cpu())
    return 1;
  report("one", one_run(0, inputs, outputs, arena, sizeof(arena), NULL));
  report("two", two_run(0, inputs, outputs, arena, sizeof(arena), NULL));
  report("three", three_run(0, inputs, outputs, arena, sizeof(arena), NULL));
  printf("small arena: %s\n",
         one_status_text(one_run(0, inputs, outputs, arena, sizeof(arena) - 1, NULL)));
  return 0;
}
