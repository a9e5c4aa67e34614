// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The pool runs every unit exactly once, whatever the sizes and however late its threads.

#include "src/pool.h"
#include "src/sys.h"
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <sched.h>
#include <thread>
#include <vector>

// Bodies touch plain memory only: the pool's threads are unknown to the C library.
namespace {
struct Job {
  int64_t units, grain;
  std::atomic<int> *counts;
  std::atomic<int> oversized{0};
};
} // namespace

static void countUnits(void *argument, int64_t begin, int64_t end) {
  auto *job = static_cast<Job *>(argument);
  if (end - begin > job->grain || begin < 0 || end > job->units)
    job->oversized.fetch_add(1);
  for (int64_t i = begin; i < end; i++)
    job->counts[i].fetch_add(1, std::memory_order_relaxed);
}

static void runJobs(uint32_t threads, int jobs, int64_t maxUnits) {
  auto pool = std::make_unique<quern_pool>();
  quern_pool_start(pool.get(), threads, 4096);
  EXPECT_EQ(pool->threads, threads);
  std::unique_ptr<std::atomic<int>[]> counts(new std::atomic<int>[size_t(maxUnits)]);
  for (int i = 0; i < jobs; i++) {
    Job job{1 + i * 7919 % maxUnits, 1 + i % 5, counts.get()};
    for (int64_t u = 0; u < job.units; u++)
      counts[size_t(u)] = 0;
    quern_pool_for(pool.get(), countUnits, &job, job.units, job.grain);
    ASSERT_EQ(job.oversized, 0);
    for (int64_t u = 0; u < job.units; u++)
      ASSERT_EQ(counts[size_t(u)], 1) << "unit " << u << " of job " << i;
    if (i % 512 == 511) { // long enough for the threads to fall asleep
      uint64_t until = quern_nanoseconds() + 1000000;
      while (quern_nanoseconds() < until)
        ;
    }
  }
  quern_pool_stop(pool.get());
}

TEST(Pool, EveryUnitOnce) { runJobs(1, 20000, 64); }
TEST(Pool, MoreThreadsThanCores) { runJobs(7, 3000, 40); }
TEST(Pool, ManyUnits) { runJobs(3, 50, 100000); }
TEST(Pool, NoThreadsAtAll) { runJobs(0, 100, 64); }
TEST(Pool, StartsAndStops) {
  for (int i = 0; i < 50; i++)
    runJobs(4, 1, 8);
}

namespace {
// As many busy threads as the machine has CPUs, twice.
class Competitors {
public:
  Competitors() {
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); i++)
      threads.emplace_back([this] {
        while (!end.load(std::memory_order_relaxed))
          ;
      });
  }
  ~Competitors() {
    end = true;
    for (std::thread &thread : threads)
      thread.join();
  }

private:
  std::atomic<bool> end{false};
  std::vector<std::thread> threads;
};

struct LongJob {
  quern_pool *pool;
  int64_t caller;
  std::atomic<int> calls, lent;
};
} // namespace

static void workFor(uint64_t nanoseconds) {
  const int64_t self = quern_thread_id();
  const uint64_t until = quern_thread_nanoseconds(self) + nanoseconds;
  while (quern_thread_nanoseconds(self) < until)
    ;
}

// The caller's chunks are short, those of the thread longer than the system runs it at a time.
static void workLong(void *argument, int64_t, int64_t) {
  auto *job = static_cast<LongJob *>(argument);
  bool isCaller = quern_thread_id() == job->caller;
  workFor(isCaller ? 10000 : 10000000);
  job->calls.fetch_add(1);
  if (!isCaller && __atomic_load_n(&job->pool->members[1].lent, __ATOMIC_RELAXED))
    job->lent.fetch_add(1);
}

static cpu_set_t allowedCpus(int64_t thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(pid_t(thread), sizeof(set), &set), 0);
  return set;
}

TEST(Pool, CallerLendsItsCpu) {
  Competitors competitors;
  auto pool = std::make_unique<quern_pool>();
  const cpu_set_t before = allowedCpus(0);
  quern_pool_start(pool.get(), 1, 4096);
  int lent = 0;
  for (int i = 0; i < 200 && !lent; i++) {
    LongJob job{pool.get(), quern_thread_id(), {0}, {0}};
    quern_pool_for(pool.get(), workLong, &job, 8, 1);
    ASSERT_EQ(job.calls, 8);
    lent = job.lent;
  }
  EXPECT_GT(lent, 0) << "in 200 jobs the thread was never put aside, or never helped";
  // Nobody is bound to a CPU afterwards, once the thread has made room for the last time.
  for (int i = 0; i < 1000; i++) {
    cpu_set_t after = allowedCpus(pool->members[1].thread);
    if (CPU_EQUAL(&before, &after))
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (const quern_pool_member *member : {&pool->members[0], &pool->members[1]}) {
    cpu_set_t after = allowedCpus(member->thread);
    EXPECT_TRUE(CPU_EQUAL(&before, &after));
  }
  quern_pool_stop(pool.get());
}

TEST(Pool, EveryUnitOnceOnABusyMachine) {
  Competitors competitors;
  runJobs(1, 500, 64);
  runJobs(3, 200, 40);
}
