// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See pool.h.

#include "src/pool.h"
#include "arch/arch.h"
#include "src/sys.h"

// The gate: the threads inside the job (bits 0..9), whether the pool ends (10), whether the job is
// open (11), the job's number (12..31). Joining is one compare-and-swap of an open gate, so nobody
// joins a closed job, and a job's members change only while nobody is inside.
enum { INSIDE = 0x3ff, STOP = 0x400, OPEN = 0x800, JOB = 0x1000 };

static uint32_t job_of(uint32_t gate) { return gate / JOB; }

// Works off the member's own range, then what the others have left of theirs.
static void work(quern_pool *pool, uint32_t self) {
  const int64_t units = pool->units, grain = pool->grain;
  const uint32_t members = pool->members;
  for (uint32_t i = 0; i < members; i++) {
    uint32_t owner = self + i < members ? self + i : self + i - members;
    quern_pool_range *range = &pool->ranges[owner];
    // Looking first keeps the line of a finished range shared.
    while (__atomic_load_n(&range->next, __ATOMIC_RELAXED) < range->end) {
      int64_t chunk = __atomic_fetch_add(&range->next, 1, __ATOMIC_RELAXED);
      if (chunk >= range->end)
        break;
      int64_t begin = chunk * grain;
      pool->body(pool->argument, begin, units - begin < grain ? units : begin + grain);
    }
  }
}

// Divides the job's chunks among its members; called while nobody is inside.
static void divide(quern_pool *pool) {
  int64_t chunks = pool->units / pool->grain + (pool->units % pool->grain != 0);
  uint32_t members = __atomic_load_n(&pool->threads, __ATOMIC_RELAXED) + 1;
  int64_t share = chunks / members, rest = chunks % members, first = 0;
  pool->members = members;
  for (uint32_t i = 0; i < members; i++) {
    int64_t end = first + share + (i < rest);
    pool->ranges[i].end = end;
    __atomic_store_n(&pool->ranges[i].next, first, __ATOMIC_RELAXED);
    first = end;
  }
}

static int is_news(uint32_t gate, uint32_t seen) {
  return (gate & STOP) || ((gate & OPEN) && job_of(gate) != seen);
}

// Waits for a gate that has work this thread has not seen: spinning first, because the next launch
// follows within microseconds, then asleep.
static uint32_t wait_for_news(quern_pool *pool, uint32_t seen) {
  uint64_t start = quern_ticks();
  do {
    for (int i = 0; i < 16; i++) {
      uint32_t gate = __atomic_load_n(&pool->gate, __ATOMIC_ACQUIRE);
      if (is_news(gate, seen))
        return gate;
      quern_relax();
    }
  } while (quern_ticks() - start < quern_ticks_of_spin());
  // Announced before the last look: whoever opens the gate after that look sees a sleeper.
  __atomic_fetch_add(&pool->asleep, 1, __ATOMIC_SEQ_CST);
  uint32_t gate;
  while (gate = __atomic_load_n(&pool->gate, __ATOMIC_SEQ_CST), !is_news(gate, seen))
    quern_futex_wait(&pool->gate, gate);
  __atomic_fetch_sub(&pool->asleep, 1, __ATOMIC_SEQ_CST);
  return gate;
}

static void leave(quern_pool *pool) {
  uint32_t gate = __atomic_sub_fetch(&pool->gate, 1, __ATOMIC_SEQ_CST);
  if (!(gate & (INSIDE | OPEN)) && __atomic_load_n(&pool->caller_asleep, __ATOMIC_SEQ_CST))
    quern_futex_wake(&pool->gate, INT32_MAX);
}

static void thread_main(void *argument) {
  quern_pool *pool = argument;
  uint32_t self = __atomic_add_fetch(&pool->numbered, 1, __ATOMIC_RELAXED), seen = 0;
  for (;;) {
    uint32_t gate = wait_for_news(pool, seen);
    if (gate & STOP)
      break;
    if (!__atomic_compare_exchange_n(&pool->gate, &gate, gate + 1, 0, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
      continue;
    seen = job_of(gate);
    work(pool, self < pool->members ? self : 0);
    leave(pool);
  }
  __atomic_fetch_sub(&pool->threads, 1, __ATOMIC_RELEASE); // the last touch of the pool
}

void quern_pool_start(quern_pool *pool, uint32_t threads, uint64_t stack_bytes) {
  const uint64_t own_needs = 32768;
  *pool = (quern_pool){.gate = 0};
  for (uint32_t i = 0; i < threads; i++) {
    void *top = quern_map_stack(stack_bytes + own_needs);
    if (!top)
      return;
    __atomic_fetch_add(&pool->threads, 1, __ATOMIC_RELAXED);
    if (quern_start_thread(thread_main, pool, top) < 0) {
      __atomic_fetch_sub(&pool->threads, 1, __ATOMIC_RELAXED);
      return;
    }
  }
}

static void wait_until_empty(quern_pool *pool) {
  uint64_t start = quern_ticks();
  do {
    for (int i = 0; i < 16; i++) {
      if (!(__atomic_load_n(&pool->gate, __ATOMIC_ACQUIRE) & INSIDE))
        return;
      quern_relax();
    }
  } while (quern_ticks() - start < quern_ticks_of_spin());
  __atomic_store_n(&pool->caller_asleep, 1, __ATOMIC_SEQ_CST);
  uint32_t gate;
  while ((gate = __atomic_load_n(&pool->gate, __ATOMIC_SEQ_CST)) & INSIDE)
    quern_futex_wait(&pool->gate, gate);
  __atomic_store_n(&pool->caller_asleep, 0, __ATOMIC_RELAXED);
}

void quern_pool_for(void *context, void (*body)(void *argument, int64_t begin, int64_t end),
                    void *argument, int64_t units, int64_t grain) {
  quern_pool *pool = context;
  pool->body = body;
  pool->argument = argument;
  pool->units = units;
  pool->grain = grain;
  divide(pool);
  uint32_t next_job = (pool->gate & ~(uint32_t)(JOB - 1)) + JOB;
  __atomic_store_n(&pool->gate, next_job | OPEN, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool->asleep, __ATOMIC_SEQ_CST)) {
    int64_t others = (units + grain - 1) / grain - 1;
    quern_futex_wake(&pool->gate, others < QUERN_POOL_MAX ? (uint32_t)others : QUERN_POOL_MAX);
  }
  work(pool, 0);
  __atomic_fetch_and(&pool->gate, ~(uint32_t)OPEN, __ATOMIC_SEQ_CST);
  wait_until_empty(pool);
}

void quern_pool_stop(quern_pool *pool) {
  __atomic_fetch_or(&pool->gate, STOP, __ATOMIC_SEQ_CST);
  quern_futex_wake(&pool->gate, INT32_MAX);
  while (__atomic_load_n(&pool->threads, __ATOMIC_ACQUIRE))
    quern_relax();
}
