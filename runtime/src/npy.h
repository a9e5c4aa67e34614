// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npy files, versions 1 to 3 (numpy.lib.format): a magic number, a Python dictionary in
// text, and the elements. Functions of bytes; files are read and written elsewhere.

#ifndef QUERN_NPY_H
#define QUERN_NPY_H

#include "src/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QUERN_NPY_MAX_RANK = 32, QUERN_NPY_MAX_HEADER = 1024 };

typedef struct quern_npy {
  char descr[16]; // such as "<f4"
  int fortran;    // column-major
  uint32_t rank;
  int64_t dims[QUERN_NPY_MAX_RANK];
  size_t data_offset; // of the elements in the file
} quern_npy;

// Reads the header. Returns 1, or 0 with the reason added to `message` (lower case, no period).
int quern_npy_parse(const unsigned char *bytes, size_t size, quern_npy *npy, quern_text *message);

// Whether a file's elements are what `tensor` takes: type, shape, order, number of bytes. Returns
// 1, or 0 with what was expected and found added to `message`.
int quern_npy_check(const quern_npy *npy, size_t file_size, const quern_tensor *tensor,
                    quern_text *message);

// NumPy's name of an element type, or null where it has none.
const char *quern_npy_descr(uint32_t type);

// The header of a file that holds `tensor`; its size in bytes, a multiple of 64, or 0 where .npy
// cannot hold it.
size_t quern_npy_header(const quern_tensor *tensor, char header[QUERN_NPY_MAX_HEADER]);

#ifdef __cplusplus
}
#endif

#endif // QUERN_NPY_H
