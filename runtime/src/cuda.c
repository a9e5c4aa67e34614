// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a model on an NVIDIA GPU: the driver by dlopen, the code compiled by the driver for the
// device at hand, memory and weights once, the launches as one graph. One stream; calls do not
// overlap.

#include "src/cuda.h"
#include "src/device.h"
#include "src/sys.h"

#define DECLARE(name, parameters) static cuda_result(*name) parameters;
CUDA_FUNCTIONS(DECLARE)
#undef DECLARE

enum { MOST_ARGUMENTS = 64, MOST_TENSORS = 1024 };

typedef struct device_state {
  const quern_program *program;
  const quern_device_program *code;
  cuda_handle module, stream, graph;
  cuda_address arena, weights;
  cuda_address inputs[MOST_TENSORS], outputs[MOST_TENSORS];
  quern_text *message;
} device_state;

static device_state state;

static int fail(const char *what) {
  quern_put(state.message, "NVIDIA GPU: ");
  quern_put(state.message, what);
  return 0;
}

// Whether the call is done; otherwise its name and the driver's name of the error.
static int check(cuda_result result, const char *call) {
  if (!result)
    return 1;
  const char *name = 0;
  if (cuGetErrorName)
    cuGetErrorName(result, &name);
  fail(call);
  quern_put(state.message, ": ");
  if (name)
    quern_put(state.message, name);
  else
    quern_put_signed(state.message, result);
  return 0;
}
#define CALL(function, ...) check(function(__VA_ARGS__), #function)

static int find_driver(void) {
  enum { RTLD_NOW = 2 };
  void *library = dlopen("libcuda.so.1", RTLD_NOW);
  if (!library)
    return fail("there is no driver (libcuda.so.1)");
#define FIND(name, parameters)                                                                     \
  *(void **)&name = dlsym(library, #name);                                                         \
  if (!name)                                                                                       \
    return fail("the driver is too old: it lacks " #name);
  CUDA_FUNCTIONS(FIND)
#undef FIND
  return CALL(cuInit, 0);
}

static int32_t capability_of(int32_t device) {
  int32_t major = 0, minor = 0;
  if (cuDeviceGetAttribute(&major, CUDA_CAPABILITY_MAJOR, device) ||
      cuDeviceGetAttribute(&minor, CUDA_CAPABILITY_MINOR, device))
    return 0;
  return 10 * major + minor;
}

static int runs_on(int32_t capability) {
  int32_t wanted = (int32_t)state.code->capability;
  return state.code->exact ? capability == wanted : capability >= wanted;
}

// The first device that runs the code.
static int choose_device(int32_t *chosen) {
  int32_t count = 0, found = 0;
  if (!CALL(cuDeviceGetCount, &count))
    return 0;
  if (!count)
    return fail("there is no device");
  for (int32_t i = 0; i < count; i++) {
    if (!CALL(cuDeviceGet, chosen, i))
      return 0;
    int32_t capability = capability_of(*chosen);
    if (runs_on(capability))
      return 1;
    found = capability > found ? capability : found;
  }
  fail("expected a device of compute capability ");
  quern_put_unsigned(state.message, state.code->capability / 10);
  quern_put(state.message, ".");
  quern_put_unsigned(state.message, state.code->capability % 10);
  quern_put(state.message, state.code->exact ? " (" : " or later (");
  quern_put(state.message, state.code->chip);
  quern_put(state.message, "), found ");
  quern_put_unsigned(state.message, (uint64_t)found / 10);
  quern_put(state.message, ".");
  quern_put_unsigned(state.message, (uint64_t)found % 10);
  return 0;
}

// The driver compiles the code, or finds what it has compiled before.
static int load_code(void) {
  static char log[1024];
  int32_t options[] = {CUDA_JIT_ERROR_LOG, CUDA_JIT_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(sizeof(log) - 1)};
  cuda_result result = cuModuleLoadDataEx(&state.module, state.code->code, 2, options, values);
  if (check(result, "cuModuleLoadDataEx"))
    return 1;
  if (log[0]) {
    quern_put(state.message, ": ");
    quern_put(state.message, log);
  }
  return 0;
}

// An address even for no bytes: kernels are given one for each buffer.
static int allocate(cuda_address *address, uint64_t bytes) {
  if (CALL(cuMemAlloc_v2, address, bytes ? bytes : 16))
    return 1;
  quern_put(state.message, " for ");
  quern_put_unsigned(state.message, bytes);
  quern_put(state.message, " bytes");
  return 0;
}

static int allocate_tensors(const quern_tensor *tensors, uint32_t count, cuda_address *addresses) {
  if (count > MOST_TENSORS)
    return fail("expected at most 1024 inputs and outputs");
  for (uint32_t i = 0; i < count; i++)
    if (!allocate(&addresses[i], tensors[i].bytes))
      return 0;
  return 1;
}

static int make_memory(void) {
  const quern_program *program = state.program;
  uint64_t bytes = program->segment_count ? program->segment_bytes[0] : 0;
  if (!allocate_tensors(program->inputs, program->input_count, state.inputs) ||
      !allocate_tensors(program->outputs, program->output_count, state.outputs) ||
      !allocate(&state.arena, state.code->arena_bytes) || !allocate(&state.weights, bytes))
    return 0;
  return !bytes ||
         CALL(cuMemcpyHtoDAsync_v2, state.weights, program->segments[0], bytes, state.stream);
}

static cuda_address address_of(const quern_device_argument *argument) {
  switch (argument->space) {
  case QUERN_DEVICE_ARENA:
    return state.arena + argument->offset;
  case QUERN_DEVICE_SEGMENT:
    return state.weights + argument->offset;
  case QUERN_DEVICE_INPUT:
    return state.inputs[argument->index] + argument->offset;
  default:
    return state.outputs[argument->index] + argument->offset;
  }
}

static int launch(const quern_device_launch *step) {
  cuda_address values[MOST_ARGUMENTS];
  void *pointers[MOST_ARGUMENTS];
  cuda_handle function;
  if (step->argument_count + 2 > MOST_ARGUMENTS)
    return fail("a kernel has more arguments than expected");
  if (!CALL(cuModuleGetFunction, &function, state.module, step->kernel))
    return 0;
  for (uint32_t i = 0; i < step->argument_count; i++)
    values[i] = address_of(&step->arguments[i]);
  values[step->argument_count] = 0;
  values[step->argument_count + 1] = (uint64_t)step->units;
  for (uint32_t i = 0; i < step->argument_count + 2; i++)
    pointers[i] = &values[i];
  return CALL(cuLaunchKernel, function, step->blocks_x, step->blocks_y, 1, step->threads, 1, 1, 0,
              state.stream, pointers, 0);
}

static int capture(void) {
  cuda_handle graph;
  if (!CALL(cuStreamBeginCapture_v2, state.stream, CUDA_CAPTURE_THREAD_LOCAL))
    return 0;
  for (uint32_t i = 0; i < state.code->launch_count; i++)
    if (!launch(&state.code->launches[i]))
      return 0;
  return CALL(cuStreamEndCapture, state.stream, &graph) &&
         CALL(cuGraphInstantiateWithFlags, &state.graph, graph, 0);
}

int quern_device_start(const quern_program *program, quern_text *message) {
  int32_t device;
  cuda_handle context;
  state.program = program;
  state.code = &quern_linked_device;
  state.message = message;
  return find_driver() && choose_device(&device) &&
         CALL(cuDevicePrimaryCtxRetain, &context, device) && CALL(cuCtxSetCurrent, context) &&
         CALL(cuStreamCreate, &state.stream, CUDA_STREAM_NON_BLOCKING) && load_code() &&
         make_memory() && capture() && CALL(cuStreamSynchronize, state.stream);
}

static int run(const void *const *inputs, void *const *outputs) {
  const quern_program *program = state.program;
  for (uint32_t i = 0; i < program->input_count; i++)
    if (program->inputs[i].bytes && !CALL(cuMemcpyHtoDAsync_v2, state.inputs[i], inputs[i],
                                          program->inputs[i].bytes, state.stream))
      return 0;
  if (!CALL(cuGraphLaunch, state.graph, state.stream))
    return 0;
  for (uint32_t i = 0; i < program->output_count; i++)
    if (program->outputs[i].bytes && !CALL(cuMemcpyDtoHAsync_v2, outputs[i], state.outputs[i],
                                           program->outputs[i].bytes, state.stream))
      return 0;
  return CALL(cuStreamSynchronize, state.stream);
}

void quern_device_run(const void *const *inputs, void *const *outputs) {
  if (run(inputs, outputs))
    return;
  quern_text errors;
  quern_text_init(&errors, QUERN_STDERR);
  quern_put(&errors, "error: ");
  quern_put_bytes(&errors, state.message->data, state.message->used);
  quern_put(&errors, "\n");
  quern_flush(&errors);
  quern_exit(1);
}

// The driver is a library of the system's C library, which must be set up before: the entry point
// hands it the process, and it comes back with what main wants.
extern int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void *init,
                             void *fini, void *rtld_fini, void *stack_end);

static int main_of_library(int argc, char **argv, char **environment) {
  (void)environment;
  quern_exit(quern_main(argc, argv));
}

__attribute__((noreturn, used)) static void start(int64_t *stack, void *rtld_fini) {
  __libc_start_main(main_of_library, (int)stack[0], (char **)(stack + 1), 0, 0, rtld_fini, stack);
  __builtin_unreachable();
}

__attribute__((naked, noreturn, used)) void _start(void) {
  __asm__("xorl %%ebp, %%ebp\n\t"
          "movq %%rsp, %%rdi\n\t"
          "movq %%rdx, %%rsi\n\t"
          "andq $-16, %%rsp\n\t"
          "call %c0\n\t"
          "ud2"
          :
          : "i"(start));
}
