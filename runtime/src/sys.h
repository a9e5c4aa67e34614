// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The few services of the Linux kernel that an executable needs. Results below zero are negated
// error numbers; interrupted calls are repeated.

#ifndef QUERN_SYS_H
#define QUERN_SYS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { QUERN_CWD = -100, QUERN_STDIN = 0, QUERN_STDOUT = 1, QUERN_STDERR = 2 };
enum { QUERN_PAGE = 65536 }; // a multiple of every page size that the kernel may have

// An error number (or its negation) in words, or null for one that has none here.
const char *quern_error_text(int64_t error);

int64_t quern_open_to_read(const char *path);
int64_t quern_open_folder(const char *path);
int64_t quern_make_folder(const char *path); // one that exists already is fine
// A new file in `folder`, for its owner to write and all to read as the umask says.
int64_t quern_create_in(int64_t folder, const char *name);
int64_t quern_rename_in(int64_t folder, const char *from, const char *to);
int64_t quern_remove_in(int64_t folder, const char *name);
int64_t quern_close(int64_t file);

// At most `bytes`; 0 at the end.
int64_t quern_read(int64_t file, void *data, size_t bytes);
// All of it, or an error.
int64_t quern_write(int64_t file, const void *data, size_t bytes);

// A file's contents, mapped for reading. An empty file gives size 0 and a null pointer.
int64_t quern_map_file(const char *path, const unsigned char **data, size_t *size);

void quern_unmap(const void *data, size_t bytes);

// Zeroed memory, given by the kernel page by page when it is first touched; aligned to `align`, a
// power of two. From 2 MiB on aligned to that and eligible for huge pages. Null when refused.
void *quern_map_memory(uint64_t bytes, uint64_t align);

// A stack with an inaccessible page below it: returns its upper end, or null.
void *quern_map_stack(uint64_t bytes);

uint64_t quern_nanoseconds(void); // of a clock that never goes back
int64_t quern_process_id(void);
int64_t quern_thread_id(void);

// Sleeps while *word is `value`: until woken, or for that long if `nanoseconds` (below a second) is
// not 0. May return early.
void quern_futex_wait(uint32_t *word, uint32_t value, uint64_t nanoseconds);
void quern_futex_wake(uint32_t *word, uint32_t threads);

// Runs function(argument) on a new thread; below zero when there can be none.
int64_t quern_start_thread(void (*function)(void *), void *argument, void *stack_top);

// The processor time that a thread of this process has had. 0 when the system does not say.
uint64_t quern_thread_nanoseconds(int64_t thread);

int64_t quern_current_cpu(void);

// CPUs by number; `bytes` is below zero when the system does not say, or has more than 1024.
typedef struct quern_cpus {
  uint64_t words[16];
  int64_t bytes;
} quern_cpus;

// Those on which the calling thread may run.
void quern_get_cpus(quern_cpus *cpus);
// Moves a thread to the CPU, or the calling thread away from it, if `all` has it. The thread is not
// bound: it may run on `all` afterwards, however many move it at once. Does nothing when the system
// refuses.
void quern_move_to(int64_t thread, int64_t cpu, const quern_cpus *all);
void quern_move_away(int64_t cpu, const quern_cpus *all);

__attribute__((noreturn)) void quern_exit(int status);

#ifdef __cplusplus
}
#endif

#endif // QUERN_SYS_H
