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
  const uint32_t members = pool->member_count;
  for (uint32_t i = 0; i < members; i++) {
    uint32_t owner = self + i < members ? self + i : self + i - members;
    quern_pool_member *range = &pool->members[owner];
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
  pool->member_count = members;
  for (uint32_t i = 0; i < members; i++) {
    int64_t end = first + share + (i < rest);
    pool->members[i].end = end;
    __atomic_store_n(&pool->members[i].next, first, __ATOMIC_RELAXED);
    first = end;
  }
}

static int is_news(uint32_t gate, uint32_t seen) {
  return (gate & STOP) || ((gate & OPEN) && job_of(gate) != seen);
}

// Lending. On a busy machine the system puts members aside for a time slice, milliseconds, often
// with a chunk that all the others then wait for; it leaves them where they are though the CPUs of
// those that wait fall idle, since the threads' caches are warm and the idleness short. So whoever
// has waited for long sees whether the one that it waits for is being run, and if not, gives up its
// own CPU to it. The program then goes on as long as the system runs any of its threads.

// A member that another waits for, and the processor time that it had had by then.
typedef struct suspect {
  uint32_t member;
  uint64_t time;
} suspect;

static uint64_t time_of(quern_pool *pool, uint32_t member) {
  int64_t thread = __atomic_load_n(&pool->members[member].thread, __ATOMIC_RELAXED);
  return thread ? quern_thread_nanoseconds(thread) : 0;
}

// The next after `previous` that holds up the job, or else the caller, who has to open the next
// one; `self` if there is nobody to wait for.
static suspect find_suspect(quern_pool *pool, uint32_t self, uint32_t previous) {
  uint32_t found = 0, count = __atomic_load_n(&pool->threads, __ATOMIC_RELAXED) + 1;
  for (uint32_t i = 1; i <= count && !found; i++) {
    uint32_t member = (previous + i) % count;
    if (member != self && __atomic_load_n(&pool->members[member].inside, __ATOMIC_RELAXED))
      found = member;
  }
  return (suspect){found, found == self ? 0 : time_of(pool, found)};
}

// Moves the suspect to this thread's CPU if its time stands still. A thread makes room at once. The
// caller goes to sleep for that, because its own CPU is where it shall wake: the suspect makes room
// for it when done (see thread_main).
static void lend(quern_pool *pool, uint32_t self, suspect s) {
  if (s.member == self || !s.time || time_of(pool, s.member) != s.time)
    return;
  int64_t cpu = quern_current_cpu();
  __atomic_store_n(&pool->members[s.member].lent, s.member != 0 && self == 0, __ATOMIC_RELAXED);
  quern_move_to(__atomic_load_n(&pool->members[s.member].thread, __ATOMIC_RELAXED), cpu,
                &pool->cpus);
  if (self)
    quern_move_away(cpu, &pool->cpus);
}

// Spins until `is_over`, for 50 microseconds: what is waited for follows within microseconds as a
// rule. Then lends and returns 0.
static int spin(quern_pool *pool, uint32_t self, int (*is_over)(uint32_t gate, uint32_t seen),
                uint32_t seen, uint32_t *gate) {
  const uint64_t start = quern_ticks(), all = quern_ticks_of_spin();
  suspect s = {self, 0};
  for (uint64_t spent = 0, asked = 0; spent < all; spent = quern_ticks() - start) {
    for (int i = 0; i < 16; i++) {
      *gate = __atomic_load_n(&pool->gate, __ATOMIC_ACQUIRE);
      if (is_over(*gate, seen))
        return 1;
      quern_relax();
    }
    if (!asked && spent > all / 2) {
      s = find_suspect(pool, self, self);
      asked = 1;
    }
  }
  lend(pool, self, s);
  return 0;
}

// Waits for a gate that has work this thread has not seen.
static uint32_t wait_for_news(quern_pool *pool, uint32_t self, uint32_t seen) {
  uint32_t gate;
  if (spin(pool, self, is_news, seen, &gate))
    return gate;
  // Announced before the last look: whoever opens the gate after that look sees a sleeper.
  __atomic_fetch_add(&pool->asleep, 1, __ATOMIC_SEQ_CST);
  while (gate = __atomic_load_n(&pool->gate, __ATOMIC_SEQ_CST), !is_news(gate, seen))
    quern_futex_wait(&pool->gate, gate, 0);
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
  quern_pool_member *member = &pool->members[self];
  __atomic_store_n(&member->thread, quern_thread_id(), __ATOMIC_RELAXED);
  for (;;) {
    uint32_t gate = wait_for_news(pool, self, seen);
    if (gate & STOP)
      break;
    // Said before joining and unsaid after leaving: a thread may be put aside at any instruction.
    __atomic_store_n(&member->inside, 1, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&pool->gate, &gate, gate + 1, 0, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
      seen = job_of(gate);
      work(pool, self < pool->member_count ? self : 0);
      leave(pool);
    }
    __atomic_store_n(&member->inside, 0, __ATOMIC_RELAXED);
    if (__atomic_load_n(&member->lent, __ATOMIC_RELAXED)) {
      __atomic_store_n(&member->lent, 0, __ATOMIC_RELAXED);
      quern_move_away(quern_current_cpu(), &pool->cpus);
    }
  }
  __atomic_fetch_sub(&pool->threads, 1, __ATOMIC_RELEASE); // the last touch of the pool
}

void quern_pool_start(quern_pool *pool, uint32_t threads, uint64_t stack_bytes) {
  const uint64_t own_needs = 32768;
  *pool = (quern_pool){.gate = 0};
  pool->members[0].thread = quern_thread_id();
  quern_get_cpus(&pool->cpus);
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

static int is_empty(uint32_t gate, uint32_t seen) {
  (void)seen;
  return !(gate & INSIDE);
}

// The caller alone has somebody inside to wait for when it sleeps; it looks after them meanwhile.
static void wait_until_empty(quern_pool *pool) {
  const uint64_t between_looks = 250000;
  uint32_t gate;
  if (spin(pool, 0, is_empty, 0, &gate))
    return;
  __atomic_store_n(&pool->caller_asleep, 1, __ATOMIC_SEQ_CST);
  for (suspect s = {0, 0}; (gate = __atomic_load_n(&pool->gate, __ATOMIC_SEQ_CST)) & INSIDE;) {
    lend(pool, 0, s);
    s = find_suspect(pool, 0, s.member);
    quern_futex_wait(&pool->gate, gate, between_looks);
  }
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
