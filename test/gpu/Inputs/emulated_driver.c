// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A libcuda.so.1 without a GPU: what the runtime calls of the driver, strict about order and
// ranges. The launches of a graph are run by emulate_launches.py, which sees the device's memory as
// a file.
//   QUERN_EMULATOR     the command that is given the job's file
//   QUERN_CAPABILITY   of the device, 89 by default; 0: there is no device
//   QUERN_DEVICE_BYTES of its memory, 1 GiB by default

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  DONE = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_IMAGE = 200,
  NOT_FOUND = 500,
  LAUNCH_FAILED = 719,
  CAPTURE_INVALID = 901
};
enum { MOST = 4096, GUARD = 256 };

static const uint64_t base = 0x700000000000;
static uint64_t capacity, used;
static char *memory;
static int memory_file = -1;
static struct {
  uint64_t address, bytes;
} allocations[MOST];
static int allocation_count;
static char *code;
static struct {
  const char *kernel;
  uint32_t x, y, threads, count;
  uint64_t values[64];
} launches[MOST];
static int launch_count, initialized, current, capturing, captured;

static uint64_t setting(const char *name, uint64_t fallback) {
  const char *text = getenv(name);
  return text ? strtoull(text, 0, 0) : fallback;
}

int cuInit(uint32_t flags) {
  if (setting("QUERN_CAPABILITY", 89) == 0)
    return NO_DEVICE;
  initialized = 1;
  return flags ? INVALID_VALUE : DONE;
}
int cuDeviceGetCount(int *count) { return *count = 1, initialized ? DONE : NOT_INITIALIZED; }
int cuDeviceGet(int *device, int number) { return *device = 7, number ? INVALID_VALUE : DONE; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  uint64_t capability = setting("QUERN_CAPABILITY", 89);
  *value = (int)(attribute == 75 ? capability / 10 : capability % 10);
  return device == 7 && (attribute == 75 || attribute == 76) ? DONE : INVALID_VALUE;
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
  capacity = setting("QUERN_DEVICE_BYTES", 1 << 30);
  memory_file = memfd_create("device", 0);
  if (memory_file < 0 || ftruncate(memory_file, (off_t)capacity))
    return OUT_OF_MEMORY;
  memory = mmap(0, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, memory_file, 0);
  *context = &capacity;
  return device == 7 && memory != MAP_FAILED ? DONE : INVALID_VALUE;
}
int cuCtxSetCurrent(void *context) {
  return current = context == &capacity, current ? DONE : INVALID_VALUE;
}
int cuStreamCreate(void **stream, uint32_t flags) {
  *stream = &used;
  return current && flags == 1 ? DONE : INVALID_VALUE;
}
int cuModuleLoadDataEx(void **module, const void *image, uint32_t count, int *options,
                       void **values) {
  if (count != 2 || options[0] != 5 || options[1] != 6)
    return INVALID_VALUE;
  if (!strstr(image, ".version")) {
    snprintf(values[0], (size_t)values[1], "ptxas fatal: no version");
    return INVALID_IMAGE;
  }
  *module = code = strdup(image);
  return DONE;
}

// The parameters of an entry, or -1.
static int count_parameters(const char *kernel) {
  char head[512];
  snprintf(head, sizeof(head), ".entry %s(", kernel);
  const char *at = strstr(code, head);
  if (!at)
    return -1;
  int count = 0;
  for (const char *end = strchr(at + strlen(head), ')'); (at = strstr(at, ".param")) && at < end;
       at++)
    count++;
  return count;
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
  *function = strdup(name);
  return module == code && count_parameters(name) >= 0 ? DONE : NOT_FOUND;
}
int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  if (!bytes || allocation_count == MOST)
    return INVALID_VALUE;
  uint64_t end = used + (bytes + 255) / 256 * 256 + GUARD;
  if (end > capacity)
    return OUT_OF_MEMORY;
  *address = base + used;
  memset(memory + used, 0xA5, end - used);
  allocations[allocation_count].address = *address;
  allocations[allocation_count++].bytes = bytes;
  used = end;
  return DONE;
}
static char *find(uint64_t address, size_t bytes) {
  for (int i = 0; i < allocation_count; i++)
    if (address >= allocations[i].address &&
        address + bytes <= allocations[i].address + allocations[i].bytes)
      return memory + (address - base);
  return 0;
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
  char *place = find(to, bytes);
  if (!place || stream != &used || capturing)
    return INVALID_VALUE;
  memcpy(place, from, bytes);
  return DONE;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
  const char *place = find(from, bytes);
  if (!place || stream != &used || capturing)
    return INVALID_VALUE;
  memcpy(to, place, bytes);
  return DONE;
}
int cuStreamBeginCapture_v2(void *stream, int mode) {
  capturing = 1;
  return stream == &used && mode == 1 ? DONE : INVALID_VALUE;
}
int cuLaunchKernel(void *function, uint32_t x, uint32_t y, uint32_t z, uint32_t bx, uint32_t by,
                   uint32_t bz, uint32_t shared, void *stream, void **parameters, void **extra) {
  if (!capturing || stream != &used || launch_count == MOST)
    return CAPTURE_INVALID;
  if (!x || !y || x > 0x7fffffff || y > 65535 || z != 1 || !bx || bx > 1024 || by != 1 || bz != 1 ||
      shared || extra)
    return INVALID_VALUE;
  launches[launch_count].kernel = function;
  launches[launch_count].x = x;
  launches[launch_count].y = y;
  launches[launch_count].threads = bx;
  launches[launch_count].count = (uint32_t)count_parameters(function);
  for (uint32_t i = 0; i < launches[launch_count].count; i++)
    launches[launch_count].values[i] = *(uint64_t *)parameters[i];
  launch_count++;
  return DONE;
}
int cuStreamEndCapture(void *stream, void **graph) {
  *graph = launches;
  return capturing = 0, stream == &used ? DONE : INVALID_VALUE;
}
int cuGraphInstantiateWithFlags(void **instance, void *graph, unsigned long long flags) {
  captured = graph == launches && !flags;
  *instance = &launch_count;
  return captured ? DONE : INVALID_VALUE;
}

static void write_job(FILE *job) {
  fprintf(job,
          "{\"memory\": \"/proc/%d/fd/%d\", \"base\": %llu, \"bytes\": %llu, \"allocations\": [",
          (int)getpid(), memory_file, (unsigned long long)base, (unsigned long long)capacity);
  for (int i = 0; i < allocation_count; i++)
    fprintf(job, "%s[%llu, %llu]", i ? ", " : "", (unsigned long long)allocations[i].address,
            (unsigned long long)allocations[i].bytes);
  fprintf(job, "], \"launches\": [");
  for (int i = 0; i < launch_count; i++) {
    fprintf(job, "%s{\"kernel\": \"%s\", \"grid\": [%u, %u], \"threads\": %u, \"arguments\": [",
            i ? ", " : "", launches[i].kernel, launches[i].x, launches[i].y, launches[i].threads);
    for (uint32_t a = 0; a < launches[i].count; a++)
      fprintf(job, "%s%llu", a ? ", " : "", (unsigned long long)launches[i].values[a]);
    fprintf(job, "]}");
  }
  fprintf(job, "]}\n");
}

int cuGraphLaunch(void *instance, void *stream) {
  const char *emulator = getenv("QUERN_EMULATOR"), *temporary = getenv("TMPDIR");
  char folder[512], path[544], command[2048];
  snprintf(folder, sizeof(folder), "%s/quern-emulator-XXXXXX", temporary ? temporary : "/tmp");
  if (instance != &launch_count || stream != &used || !captured || !emulator || !mkdtemp(folder))
    return INVALID_VALUE;
  snprintf(path, sizeof(path), "%s/code.ptx", folder);
  FILE *file = fopen(path, "w");
  fputs(code, file);
  fclose(file);
  snprintf(path, sizeof(path), "%s/job.json", folder);
  file = fopen(path, "w");
  write_job(file);
  fclose(file);
  snprintf(command, sizeof(command), "%s %s", emulator, folder);
  int status = system(command);
  snprintf(command, sizeof(command), "rm -r %s", folder);
  return system(command) || status ? LAUNCH_FAILED : DONE;
}
int cuStreamSynchronize(void *stream) { return stream == &used ? DONE : INVALID_VALUE; }
int cuGetErrorName(int error, const char **name) {
  *name = error == OUT_OF_MEMORY   ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == NO_DEVICE     ? "CUDA_ERROR_NO_DEVICE"
          : error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED"
          : error == NOT_FOUND     ? "CUDA_ERROR_NOT_FOUND"
          : error == INVALID_IMAGE ? "CUDA_ERROR_INVALID_IMAGE"
          : error == INVALID_VALUE ? "CUDA_ERROR_INVALID_VALUE"
                                   : "CUDA_ERROR_UNKNOWN";
  return DONE;
}
