// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text for people and programs: collected in a buffer, written when it is full or flushed.

#ifndef QUERN_TEXT_H
#define QUERN_TEXT_H

#include "quern/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct quern_text {
  int64_t file;  // below zero: none, and what does not fit is dropped
  int64_t error; // the first failed write, or 0
  size_t used;
  char data[2048];
} quern_text;

void quern_text_init(quern_text *text, int64_t file);
// The first error since the start, or 0.
int64_t quern_flush(quern_text *text);

void quern_put_bytes(quern_text *text, const char *bytes, size_t count);
void quern_put(quern_text *text, const char *string);
void quern_put_unsigned(quern_text *text, uint64_t value);
void quern_put_signed(quern_text *text, int64_t value);
// Nanoseconds as milliseconds with six decimals.
void quern_put_milliseconds(quern_text *text, uint64_t nanoseconds);
// Nanoseconds as microseconds with three decimals.
void quern_put_microseconds(quern_text *text, uint64_t nanoseconds);
// (2, 3), (2,) or () as Python writes a tuple.
void quern_put_shape(quern_text *text, const int64_t *dims, uint32_t rank);
// 'string' with control characters as question marks.
void quern_put_quoted(quern_text *text, const char *string);
// "string" as JSON wants it.
void quern_put_json_string(quern_text *text, const char *string);
// ": " and the error in words.
void quern_put_error(quern_text *text, int64_t error);

size_t quern_length(const char *string);
int quern_equal(const char *a, const char *b);
// The rest of `string` after `prefix`, or null.
const char *quern_after_prefix(const char *string, const char *prefix);
// A decimal number that fills the whole string and is at most `limit`; 0 where it is not.
int quern_parse_number(const char *string, uint64_t limit, uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif // QUERN_TEXT_H
