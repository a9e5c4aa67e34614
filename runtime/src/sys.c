// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linux system calls, see sys.h. Constants have the same values on x86-64 and AArch64 unless they
// stand in arch/.

#include "src/sys.h"
#include "arch/arch.h"

enum { ERROR_INTERRUPTED = 4, ERROR_EXISTS = 17 };

// O_DIRECTORY differs between the two architectures.
#if defined(__x86_64__)
enum { OPEN_FOLDER = 0200000 };
#else
enum { OPEN_FOLDER = 040000 };
#endif
enum { OPEN_NONBLOCK = 04000 };
enum { OPEN_WRITE = 1, OPEN_CREATE = 0100, OPEN_EXCLUSIVE = 0200, OPEN_CLOEXEC = 02000000 };
enum { PROTECT_NONE = 0, PROTECT_READ = 1, PROTECT_WRITE = 2 };
enum { MAP_PRIVATE_PAGES = 2, MAP_ANONYMOUS_PAGES = 0x20, MAP_NO_RESERVE = 0x4000 };

static int64_t call3(int64_t number, int64_t a, int64_t b, int64_t c) {
  return quern_syscall(number, a, b, c, 0, 0, 0);
}

const char *quern_error_text(int64_t error) {
  switch (error < 0 ? -error : error) {
  case 1:
  case 13:
    return "permission denied";
  case 2:
    return "no such file or folder";
  case 5:
    return "input/output error";
  case 12:
    return "out of memory";
  case 17:
    return "it exists already";
  case 19:
  case 22:
  case 29:
    return "not a regular file";
  case 20:
    return "not a folder";
  case 21:
    return "it is a folder";
  case 23:
  case 24:
    return "too many open files";
  case 27:
    return "file too large";
  case 28:
    return "no space left";
  case 30:
    return "read-only file system";
  case 32:
    return "broken pipe";
  case 36:
    return "name too long";
  case 122:
    return "quota exceeded";
  default:
    return 0;
  }
}

int64_t quern_open_to_read(const char *path) {
  // Not blocking: a pipe in a file's place must fail, not wait for a writer.
  return quern_syscall(QUERN_SYS_OPENAT, QUERN_CWD, (int64_t)path, OPEN_CLOEXEC | OPEN_NONBLOCK, 0,
                       0, 0);
}

int64_t quern_open_folder(const char *path) {
  return quern_syscall(QUERN_SYS_OPENAT, QUERN_CWD, (int64_t)path, OPEN_CLOEXEC | OPEN_FOLDER, 0, 0,
                       0);
}

int64_t quern_make_folder(const char *path) {
  int64_t result = call3(QUERN_SYS_MKDIRAT, QUERN_CWD, (int64_t)path, 0777);
  return result == -ERROR_EXISTS ? 0 : result;
}

int64_t quern_create_in(int64_t folder, const char *name) {
  return quern_syscall(QUERN_SYS_OPENAT, folder, (int64_t)name,
                       OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE | OPEN_CLOEXEC, 0666, 0, 0);
}

int64_t quern_rename_in(int64_t folder, const char *from, const char *to) {
  return quern_syscall(QUERN_SYS_RENAMEAT, folder, (int64_t)from, folder, (int64_t)to, 0, 0);
}

int64_t quern_remove_in(int64_t folder, const char *name) {
  return call3(QUERN_SYS_UNLINKAT, folder, (int64_t)name, 0);
}

int64_t quern_close(int64_t file) { return call3(QUERN_SYS_CLOSE, file, 0, 0); }

int64_t quern_read(int64_t file, void *data, size_t bytes) {
  int64_t result;
  do
    result = call3(QUERN_SYS_READ, file, (int64_t)data, (int64_t)bytes);
  while (result == -ERROR_INTERRUPTED);
  return result;
}

int64_t quern_write(int64_t file, const void *data, size_t bytes) {
  const unsigned char *next = data;
  while (bytes) {
    int64_t result = call3(QUERN_SYS_WRITE, file, (int64_t)next, (int64_t)bytes);
    if (result == -ERROR_INTERRUPTED)
      continue;
    if (result <= 0)
      return result ? result : -5;
    next += result;
    bytes -= (size_t)result;
  }
  return 0;
}

static int64_t map_pages(uint64_t bytes, int protection, int flags, int64_t file) {
  return quern_syscall(QUERN_SYS_MMAP, 0, (int64_t)bytes, protection, flags, file, 0);
}

// Linux returns addresses as numbers.
static void *address(int64_t result) { return (void *)result; } // NOLINT(performance-no-int-to-ptr)

static int is_error(int64_t result) { return result < 0 && result > -4096; }

int64_t quern_map_file(const char *path, const unsigned char **data, size_t *size) {
  *data = 0;
  *size = 0;
  int64_t file = quern_open_to_read(path);
  if (file < 0)
    return file;
  enum { SEEK_TO_END = 2 };
  char nothing;
  int64_t result = quern_read(file, &nothing, 0); // refuses a folder
  if (result >= 0)
    result = call3(QUERN_SYS_LSEEK, file, 0, SEEK_TO_END);
  if (result > 0) {
    uint64_t bytes = (uint64_t)result;
    result = map_pages(bytes, PROTECT_READ, MAP_PRIVATE_PAGES, file);
    if (!is_error(result)) {
      *data = address(result);
      *size = bytes;
      result = 0;
    }
  }
  quern_close(file);
  return result;
}

void quern_unmap(const void *data, size_t bytes) {
  call3(QUERN_SYS_MUNMAP, (int64_t)data, (int64_t)bytes, 0);
}

void *quern_map_memory(uint64_t bytes, uint64_t align) {
  const uint64_t huge = (uint64_t)2 << 20, advise_huge = 14;
  const int flags = MAP_PRIVATE_PAGES | MAP_ANONYMOUS_PAGES | MAP_NO_RESERVE;
  if (bytes >= huge && align < huge)
    align = huge;
  uint64_t slack = align > 4096 ? align : 0;
  if (bytes > INT64_MAX - slack - QUERN_PAGE)
    return 0;
  int64_t start = map_pages(bytes + slack + !bytes, PROTECT_READ | PROTECT_WRITE, flags, -1);
  if (is_error(start))
    return 0;
  if (slack)
    start = (int64_t)(((uint64_t)start + align - 1) & ~(align - 1));
  if (bytes >= huge)
    call3(QUERN_SYS_MADVISE, start, (int64_t)(bytes & ~(huge - 1)), (int64_t)advise_huge);
  return address(start);
}

void *quern_map_stack(uint64_t bytes) {
  const int flags = MAP_PRIVATE_PAGES | MAP_ANONYMOUS_PAGES | MAP_NO_RESERVE;
  bytes = (bytes + QUERN_PAGE - 1) & ~(uint64_t)(QUERN_PAGE - 1);
  int64_t start = map_pages(bytes + QUERN_PAGE, PROTECT_READ | PROTECT_WRITE, flags, -1);
  if (is_error(start))
    return 0;
  if (call3(QUERN_SYS_MPROTECT, start, QUERN_PAGE, PROTECT_NONE) < 0)
    return 0;
  return (unsigned char *)address(start) + QUERN_PAGE + bytes;
}

uint64_t quern_nanoseconds(void) {
  int64_t time[2] = {0, 0};
  enum { MONOTONIC = 1 };
  call3(QUERN_SYS_CLOCK_GETTIME, MONOTONIC, (int64_t)time, 0);
  return (uint64_t)time[0] * 1000000000u + (uint64_t)time[1];
}

int64_t quern_process_id(void) { return call3(QUERN_SYS_GETPID, 0, 0, 0); }

int64_t quern_thread_id(void) { return call3(QUERN_SYS_GETTID, 0, 0, 0); }

enum { FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE = 129 };

void quern_futex_wait(uint32_t *word, uint32_t value, uint64_t nanoseconds) {
  const int64_t time[2] = {0, (int64_t)nanoseconds};
  quern_syscall(QUERN_SYS_FUTEX, (int64_t)word, FUTEX_WAIT_PRIVATE, value,
                nanoseconds ? (int64_t)time : 0, 0, 0);
}

void quern_futex_wake(uint32_t *word, uint32_t threads) {
  quern_syscall(QUERN_SYS_FUTEX, (int64_t)word, FUTEX_WAKE_PRIVATE, threads, 0, 0, 0);
}

__attribute__((naked)) static int64_t clone_thread(uint64_t flags, void *stack_top,
                                                   uint32_t *child_tid, void (*function)(void *),
                                                   void *argument) {
  __asm__(QUERN_CLONE_ASM);
}

int64_t quern_start_thread(void (*function)(void *), void *argument, void *stack_top) {
  // CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM: a thread that shares everything and leaves
  // nothing behind.
  const uint64_t flags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000;
  return clone_thread(flags, stack_top, 0, function, argument);
}

uint64_t quern_thread_nanoseconds(int64_t thread) {
  // A thread's clock has its number, inverted, above three bits that say which of its clocks.
  const int32_t scheduled_of_thread = 6;
  int64_t time[2] = {0, 0};
  call3(QUERN_SYS_CLOCK_GETTIME, (int32_t)(~(uint32_t)thread << 3) | scheduled_of_thread,
        (int64_t)time, 0);
  return (uint64_t)time[0] * 1000000000u + (uint64_t)time[1];
}

int64_t quern_current_cpu(void) {
  uint32_t cpu = 0;
  int64_t result = call3(QUERN_SYS_GETCPU, (int64_t)&cpu, 0, 0);
  return result < 0 ? result : (int64_t)cpu;
}

void quern_get_cpus(quern_cpus *cpus) {
  __builtin_memset(cpus, 0, sizeof(*cpus));
  cpus->bytes = call3(QUERN_SYS_SCHED_GETAFFINITY, 0, sizeof(cpus->words), (int64_t)cpus->words);
}

static void set_cpus(int64_t thread, const quern_cpus *cpus) {
  call3(QUERN_SYS_SCHED_SETAFFINITY, thread, cpus->bytes, (int64_t)cpus->words);
}

static int has_cpu(const quern_cpus *cpus, int64_t cpu) {
  return cpu >= 0 && cpu < cpus->bytes * 8 && (cpus->words[cpu / 64] >> (cpu % 64) & 1);
}

// A thread that may no longer run where it is moves at once, and stays when it may again. The last
// step is to `all` whoever else moves the thread meanwhile: nobody stays bound.
void quern_move_to(int64_t thread, int64_t cpu, const quern_cpus *all) {
  if (!has_cpu(all, cpu))
    return;
  quern_cpus one = {{0}, all->bytes};
  one.words[cpu / 64] = (uint64_t)1 << (cpu % 64);
  set_cpus(thread, &one);
  set_cpus(thread, all);
}

void quern_move_away(int64_t cpu, const quern_cpus *all) {
  if (!has_cpu(all, cpu))
    return;
  quern_cpus others = *all;
  others.words[cpu / 64] &= ~((uint64_t)1 << (cpu % 64));
  set_cpus(0, &others); // refused if there is no other
  set_cpus(0, all);
}

void quern_exit(int status) {
  for (;;)
    call3(QUERN_SYS_EXIT_GROUP, status, 0, 0);
}
