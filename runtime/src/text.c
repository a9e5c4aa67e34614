// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See text.h.

#include "src/text.h"
#include "src/sys.h"

void quern_text_init(quern_text *text, int64_t file) {
  text->file = file;
  text->error = 0;
  text->used = 0;
  text->data[0] = 0;
}

int64_t quern_flush(quern_text *text) {
  if (text->file >= 0 && text->used) {
    int64_t result = quern_write(text->file, text->data, text->used);
    if (result < 0 && !text->error)
      text->error = result;
    text->used = 0;
  }
  return text->error;
}

void quern_put_bytes(quern_text *text, const char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (text->used + 1 == sizeof(text->data)) {
      if (text->file < 0)
        return;
      quern_flush(text);
    }
    text->data[text->used++] = bytes[i];
    text->data[text->used] = 0;
  }
}

void quern_put(quern_text *text, const char *string) {
  quern_put_bytes(text, string, quern_length(string));
}

static void put_digits(quern_text *text, uint64_t value, int least) {
  char digits[20];
  int at = sizeof(digits);
  for (; value || least > 0; value /= 10, least--)
    digits[--at] = (char)('0' + value % 10);
  quern_put_bytes(text, digits + at, sizeof(digits) - (size_t)at);
}

void quern_put_unsigned(quern_text *text, uint64_t value) { put_digits(text, value, 1); }

void quern_put_signed(quern_text *text, int64_t value) {
  if (value < 0)
    quern_put(text, "-");
  put_digits(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

void quern_put_milliseconds(quern_text *text, uint64_t nanoseconds) {
  put_digits(text, nanoseconds / 1000000, 1);
  quern_put(text, ".");
  put_digits(text, nanoseconds % 1000000, 6);
}

void quern_put_microseconds(quern_text *text, uint64_t nanoseconds) {
  put_digits(text, nanoseconds / 1000, 1);
  quern_put(text, ".");
  put_digits(text, nanoseconds % 1000, 3);
}

void quern_put_shape(quern_text *text, const int64_t *dims, uint32_t rank) {
  quern_put(text, "(");
  for (uint32_t i = 0; i < rank; i++) {
    if (i)
      quern_put(text, ", ");
    quern_put_signed(text, dims[i]);
  }
  quern_put(text, rank == 1 ? ",)" : ")");
}

static int is_control(char c) { return (unsigned char)c < 32 || c == 127; }

void quern_put_quoted(quern_text *text, const char *string) {
  quern_put(text, "'");
  for (; *string; string++)
    quern_put_bytes(text, is_control(*string) ? "?" : string, 1);
  quern_put(text, "'");
}

void quern_put_json_string(quern_text *text, const char *string) {
  const char *hex = "0123456789abcdef";
  quern_put(text, "\"");
  for (; *string; string++) {
    if (*string == '"' || *string == '\\')
      quern_put(text, "\\");
    if (is_control(*string)) {
      quern_put(text, "\\u00");
      quern_put_bytes(text, &hex[*string >> 4 & 15], 1);
      quern_put_bytes(text, &hex[*string & 15], 1);
    } else {
      quern_put_bytes(text, string, 1);
    }
  }
  quern_put(text, "\"");
}

void quern_put_error(quern_text *text, int64_t error) {
  const char *words = quern_error_text(error);
  quern_put(text, ": ");
  quern_put(text, words ? words : "system error ");
  if (!words)
    quern_put_signed(text, error < 0 ? -error : error);
}

size_t quern_length(const char *string) {
  size_t length = 0;
  while (string[length])
    length++;
  return length;
}

int quern_equal(const char *a, const char *b) {
  const char *rest = quern_after_prefix(a, b);
  return rest && !*rest;
}

const char *quern_after_prefix(const char *string, const char *prefix) {
  for (; *prefix; string++, prefix++)
    if (*string != *prefix)
      return 0;
  return string;
}

int quern_parse_number(const char *string, uint64_t limit, uint64_t *value) {
  uint64_t number = 0;
  if (!*string)
    return 0;
  for (; *string; string++) {
    if (*string < '0' || *string > '9')
      return 0;
    uint64_t digit = (uint64_t)(*string - '0');
    if (number > limit / 10 || digit > limit - number * 10)
      return 0;
    number = number * 10 + digit;
  }
  *value = number;
  return 1;
}
