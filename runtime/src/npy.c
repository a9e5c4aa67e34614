// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See npy.h.

#include "src/npy.h"

// A position in the header's text.
typedef struct cursor {
  const char *next, *end;
} cursor;

static void skip_space(cursor *c) {
  while (c->next < c->end && (*c->next == ' ' || *c->next == '\n' || *c->next == '\t'))
    c->next++;
}

// Takes `token` if it comes next.
static int take(cursor *c, const char *token) {
  skip_space(c);
  size_t length = quern_length(token);
  if ((size_t)(c->end - c->next) < length)
    return 0;
  for (size_t i = 0; i < length; i++)
    if (c->next[i] != token[i])
      return 0;
  c->next += length;
  return 1;
}

// A quoted string without escapes, shorter than `capacity`.
static int take_string(cursor *c, char *string, size_t capacity) {
  skip_space(c);
  if (c->next == c->end || (*c->next != '\'' && *c->next != '"'))
    return 0;
  char quote = *c->next++;
  size_t length = 0;
  for (; c->next < c->end && *c->next != quote; c->next++) {
    if (*c->next == '\\' || length + 1 == capacity)
      return 0;
    string[length++] = *c->next;
  }
  string[length] = 0;
  if (c->next == c->end)
    return 0;
  c->next++;
  return 1;
}

static int take_dim(cursor *c, int64_t *dim) {
  skip_space(c);
  const char *start = c->next;
  int64_t value = 0;
  for (; c->next < c->end && *c->next >= '0' && *c->next <= '9'; c->next++)
    if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
        __builtin_add_overflow(value, (int64_t)(*c->next - '0'), &value))
      return 0;
  take(c, "L"); // written by Python 2
  *dim = value;
  return c->next != start;
}

static int take_shape(cursor *c, quern_npy *npy) {
  if (!take(c, "("))
    return 0;
  npy->rank = 0;
  while (!take(c, ")")) {
    if (npy->rank == QUERN_NPY_MAX_RANK || !take_dim(c, &npy->dims[npy->rank]))
      return 0;
    npy->rank++;
    if (take(c, ","))
      continue;
    return take(c, ")");
  }
  return 1;
}

static int take_order(cursor *c, quern_npy *npy) {
  npy->fortran = take(c, "True");
  return npy->fortran || take(c, "False");
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

// One `key: value` of the dictionary; the bit of its key, or 0 with the reason in `message`.
static int take_item(cursor *c, quern_npy *npy, quern_text *message) {
  char key[16];
  if (!take_string(c, key, sizeof(key)) || !take(c, ":")) {
    quern_put(message, "the header is not a dictionary of descr, fortran_order and shape");
    return 0;
  }
  if (quern_equal(key, "descr")) {
    if (take_string(c, npy->descr, sizeof(npy->descr)))
      return HAS_DESCR;
    quern_put(message, "the header's descr is not the name of a plain element type");
  } else if (quern_equal(key, "fortran_order")) {
    if (take_order(c, npy))
      return HAS_ORDER;
    quern_put(message, "the header's fortran_order is neither True nor False");
  } else if (quern_equal(key, "shape")) {
    if (take_shape(c, npy))
      return HAS_SHAPE;
    quern_put(message, "the header's shape is not a tuple of at most 32 sizes");
  } else {
    quern_put(message, "the header has an unknown key ");
    quern_put_quoted(message, key);
  }
  return 0;
}

static int parse_dictionary(cursor *c, quern_npy *npy, quern_text *message) {
  int seen = 0;
  if (!take(c, "{")) {
    quern_put(message, "the header is not a dictionary of descr, fortran_order and shape");
    return 0;
  }
  while (!take(c, "}")) {
    int item = take_item(c, npy, message);
    if (!item)
      return 0;
    if (seen & item) {
      quern_put(message, "the header has a key twice");
      return 0;
    }
    seen |= item;
    if (take(c, ","))
      continue;
    if (take(c, "}"))
      break;
    quern_put(message, "the header's dictionary is not closed");
    return 0;
  }
  skip_space(c);
  if (seen == HAS_ALL && c->next == c->end)
    return 1;
  quern_put(message, seen == HAS_ALL ? "the header has text after its dictionary"
                                     : "the header lacks descr, fortran_order or shape");
  return 0;
}

int quern_npy_parse(const unsigned char *bytes, size_t size, quern_npy *npy, quern_text *message) {
  static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  for (size_t i = 0; i < sizeof(magic); i++)
    if (i >= size || bytes[i] != magic[i]) {
      quern_put(message, "not a .npy file");
      return 0;
    }
  size_t prelude = size > 6 && bytes[6] == 1 ? 10 : 12;
  if (size < prelude) {
    quern_put(message, "the file ends inside its header");
    return 0;
  }
  if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0) {
    quern_put(message, "expected .npy version 1.0, 2.0 or 3.0, found ");
    quern_put_unsigned(message, bytes[6]);
    quern_put(message, ".");
    quern_put_unsigned(message, bytes[7]);
    return 0;
  }
  size_t length = bytes[8] | (size_t)bytes[9] << 8;
  if (prelude == 12)
    length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (length > size - prelude) {
    quern_put(message, "the file ends inside its header");
    return 0;
  }
  npy->data_offset = prelude + length;
  const char *text = (const char *)bytes + prelude;
  cursor c = {text, text + length};
  return parse_dictionary(&c, npy, message);
}

const char *quern_npy_descr(uint32_t type) {
  switch (type) {
  case QUERN_F32:
    return "<f4";
  case QUERN_F16:
    return "<f2";
  case QUERN_BF16: // NumPy has no bfloat16; ml_dtypes saves it as two bytes of no type
    return "|V2";
  case QUERN_F64:
    return "<f8";
  case QUERN_BOOL:
    return "|b1";
  case QUERN_U8:
    return "|u1";
  case QUERN_S8:
    return "|i1";
  case QUERN_U16:
    return "<u2";
  case QUERN_S16:
    return "<i2";
  case QUERN_U32:
    return "<u4";
  case QUERN_S32:
    return "<i4";
  case QUERN_U64:
    return "<u8";
  case QUERN_S64:
    return "<i8";
  case QUERN_F8E4M3FN:
  case QUERN_F8E5M2:
    return "|V1";
  default:
    return 0;
  }
}

// The first character is the byte order: it matters only where an element has several bytes.
static int same_type(const char *found, const char *expected) {
  if (!found[0] || !quern_equal(found + 1, expected + 1))
    return 0;
  return found[0] != '>' || expected[0] == '|';
}

static int same_shape(const quern_npy *npy, const quern_tensor *tensor) {
  if (npy->rank != tensor->rank)
    return 0;
  for (uint32_t i = 0; i < tensor->rank; i++)
    if (npy->dims[i] != tensor->dims[i])
      return 0;
  return 1;
}

int quern_npy_check(const quern_npy *npy, size_t file_size, const quern_tensor *tensor,
                    quern_text *message) {
  const char *descr = quern_npy_descr(tensor->type);
  if (!descr || !same_type(npy->descr, descr) || !same_shape(npy, tensor)) {
    quern_put(message, "expected ");
    quern_put(message, descr ? descr : "a type that .npy does not have");
    quern_put(message, " of shape ");
    quern_put_shape(message, tensor->dims, tensor->rank);
    quern_put(message, " for input ");
    quern_put_quoted(message, tensor->name);
    quern_put(message, ", found ");
    quern_put(message, npy->descr);
    quern_put(message, " of shape ");
    quern_put_shape(message, npy->dims, npy->rank);
    return 0;
  }
  if (npy->fortran && npy->rank > 1) {
    quern_put(message, "expected row-major elements, found column-major ones (fortran_order)");
    return 0;
  }
  if (file_size - npy->data_offset != tensor->bytes) {
    quern_put(message, "expected ");
    quern_put_unsigned(message, tensor->bytes);
    quern_put(message, " bytes of elements, found ");
    quern_put_unsigned(message, file_size - npy->data_offset);
    return 0;
  }
  return 1;
}

size_t quern_npy_header(const quern_tensor *tensor, char header[QUERN_NPY_MAX_HEADER]) {
  enum { PRELUDE = 10 };
  const char *descr = quern_npy_descr(tensor->type);
  if (!descr || tensor->rank > QUERN_NPY_MAX_RANK)
    return 0;
  quern_text text;
  quern_text_init(&text, -1);
  quern_put(&text, "{'descr': '");
  quern_put(&text, descr);
  quern_put(&text, "', 'fortran_order': False, 'shape': ");
  quern_put_shape(&text, tensor->dims, tensor->rank);
  quern_put(&text, ", }");
  size_t size = (PRELUDE + text.used + 1 + 63) & ~(size_t)63;
  static const char magic[] = "\x93NUMPY\x01";
  for (size_t i = 0; i < 8; i++)
    header[i] = magic[i];
  header[8] = (char)((size - PRELUDE) & 255);
  header[9] = (char)((size - PRELUDE) >> 8);
  for (size_t i = 0; i < size - PRELUDE; i++)
    header[PRELUDE + i] = i < text.used ? text.data[i] : ' ';
  header[size - 1] = '\n';
  return size;
}
