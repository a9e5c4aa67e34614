// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The threads of an executable: a quern_parallel for --threads=N.
//
// The caller publishes a job, works on it with whoever joins, closes it and waits for those that
// joined and are not done. A thread that the system has put aside is not waited for unless it
// holds a chunk, and then whoever waits lends it its own CPU, so another process on the machine
// costs its share and no more.
//
// Each thread starts with its own range of chunks and takes from the others' when it is done: the
// rows that a thread wrote in one launch are those that it reads in the next, so what it wrote is
// still in its own cache.

#ifndef QUERN_POOL_H
#define QUERN_POOL_H

#include "quern/model.h"
#include "src/sys.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QUERN_POOL_MAX = 255 };

// The caller (member 0) or a thread.
typedef struct quern_pool_member {
  // Chunks next <= i < end of the job are those that it begins with.
  __attribute__((aligned(64))) int64_t next;
  int64_t end;
  int64_t thread;  // the system's number of it; 0 before it has begun
  uint32_t inside; // whether the job may have to wait for it; not kept for the caller
  uint32_t lent;   // whether it runs on the CPU of the caller, who sleeps
} quern_pool_member;

typedef struct quern_pool {
  // Job number, whether it is open, and how many threads are inside: see pool.c.
  __attribute__((aligned(64))) uint32_t gate;
  __attribute__((aligned(64))) uint32_t asleep; // threads that wait on `gate`
  uint32_t caller_asleep;
  uint32_t threads;  // that were started and have not ended
  uint32_t numbered; // threads that have taken their number
  // The job; written only while the gate is closed and nobody inside.
  void (*body)(void *argument, int64_t begin, int64_t end);
  void *argument;
  int64_t units, grain;
  uint32_t member_count;
  quern_cpus cpus; // on which the caller might run when the pool started: the threads may, too
  quern_pool_member members[QUERN_POOL_MAX + 1];
} quern_pool;

// Starts `threads` threads with stacks of stack_bytes beside the caller's own; fewer when the
// system gives no more (pool->threads says how many).
void quern_pool_start(quern_pool *pool, uint32_t threads, uint64_t stack_bytes);

// quern_parallel.parallel_for with the pool as `context`. One call at a time, by the thread that
// started the pool.
void quern_pool_for(void *context, void (*body)(void *argument, int64_t begin, int64_t end),
                    void *argument, int64_t units, int64_t grain);

// Ends the threads. An executable has no need to; a test does.
void quern_pool_stop(quern_pool *pool);

#ifdef __cplusplus
}
#endif

#endif // QUERN_POOL_H
