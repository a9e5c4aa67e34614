// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The pool runs every unit exactly once, whatever the sizes and however late its threads.

#include "src/pool.h"
#include "src/sys.h"
#include <atomic>
#include <gtest/gtest.h>
#include <memory>

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
