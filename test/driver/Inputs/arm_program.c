// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program of a user's: reads an image as 64 floats from standard input, prints the logits.

#include "digits.h"

#include <stdio.h>

static _Alignas(DIGITS_ARENA_ALIGN) char arena[DIGITS_ARENA_BYTES];

int main(void) {
  float image[64], logits[10];
  const void *inputs[] = {image};
  void *outputs[] = {logits};
  if (fread(image, sizeof(float), 64, stdin) != 64)
    return 1;
  quern_status status = digits_check_cpu();
  if (status == QUERN_OK)
    status = digits_run(0, inputs, outputs, arena, sizeof(arena), NULL);
  if (status != QUERN_OK) {
    fprintf(stderr, "digits: %s\n", digits_status_text(status));
    return 1;
  }
  for (int i = 0; i < 10; i++)
    printf("%.9g\n", logits[i]);
  return 0;
}
