// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of NVIDIA's driver that are called, found by name when the program starts; types as
// in the driver API, handles as pointers. Nothing of CUDA is needed to build or to link.

#ifndef QUERN_CUDA_H
#define QUERN_CUDA_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t cuda_result; // 0: done
typedef uint64_t cuda_address;
typedef void *cuda_handle;

enum { CUDA_CAPABILITY_MAJOR = 75, CUDA_CAPABILITY_MINOR = 76 };
enum { CUDA_JIT_ERROR_LOG = 5, CUDA_JIT_ERROR_LOG_BYTES = 6 };
enum { CUDA_STREAM_NON_BLOCKING = 1, CUDA_CAPTURE_THREAD_LOCAL = 1 };

#define CUDA_FUNCTIONS(F)                                                                          \
  F(cuInit, (uint32_t))                                                                            \
  F(cuDeviceGetCount, (int32_t *))                                                                 \
  F(cuDeviceGet, (int32_t *, int32_t))                                                             \
  F(cuDeviceGetAttribute, (int32_t *, int32_t, int32_t))                                           \
  F(cuDevicePrimaryCtxRetain, (cuda_handle *, int32_t))                                            \
  F(cuCtxSetCurrent, (cuda_handle))                                                                \
  F(cuModuleLoadDataEx, (cuda_handle *, const void *, uint32_t, int32_t *, void **))               \
  F(cuModuleGetFunction, (cuda_handle *, cuda_handle, const char *))                               \
  F(cuMemAlloc_v2, (cuda_address *, size_t))                                                       \
  F(cuMemcpyHtoDAsync_v2, (cuda_address, const void *, size_t, cuda_handle))                       \
  F(cuMemcpyDtoHAsync_v2, (void *, cuda_address, size_t, cuda_handle))                             \
  F(cuStreamCreate, (cuda_handle *, uint32_t))                                                     \
  F(cuStreamBeginCapture_v2, (cuda_handle, int32_t))                                               \
  F(cuStreamEndCapture, (cuda_handle, cuda_handle *))                                              \
  F(cuGraphInstantiateWithFlags, (cuda_handle *, cuda_handle, unsigned long long))                 \
  F(cuGraphLaunch, (cuda_handle, cuda_handle))                                                     \
  F(cuStreamSynchronize, (cuda_handle))                                                            \
  F(cuGetErrorName, (cuda_result, const char **))                                                  \
  F(cuLaunchKernel, (cuda_handle, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t,      \
                     uint32_t, cuda_handle, void **, void **))

// Of the C library that the driver needs anyway.
extern void *dlopen(const char *name, int flags);
extern void *dlsym(void *library, const char *name);

#endif // QUERN_CUDA_H
