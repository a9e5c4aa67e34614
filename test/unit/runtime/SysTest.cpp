// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Threads, their time and their CPUs, as the pool sees and moves them.

#include "src/sys.h"
#include <atomic>
#include <gtest/gtest.h>
#include <sched.h>
#include <thread>

static cpu_set_t allowedCpus(int64_t thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(pid_t(thread), sizeof(set), &set), 0);
  return set;
}

TEST(Sys, TimeOfAThread) {
  std::atomic<int64_t> sleeper{0};
  std::atomic<bool> end{false};
  std::thread thread([&] {
    sleeper = quern_thread_id();
    end.wait(false);
  });
  while (!sleeper)
    std::this_thread::yield();
  // It falls asleep sooner or later, and its time stands still from then on.
  uint64_t last = 0, now = 0;
  do {
    last = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    now = quern_thread_nanoseconds(sleeper);
  } while (now != last);
  EXPECT_GT(now, 0u);
  uint64_t own = quern_thread_nanoseconds(quern_thread_id());
  for (uint64_t until = quern_nanoseconds() + 1000000; quern_nanoseconds() < until;)
    ;
  EXPECT_GT(quern_thread_nanoseconds(quern_thread_id()), own);
  EXPECT_EQ(quern_thread_nanoseconds(sleeper), now);
  end = true;
  end.notify_all();
  thread.join();
  EXPECT_EQ(quern_thread_nanoseconds(1 << 28), 0u) << "of no thread at all";
}

TEST(Sys, MovesWithoutBinding) {
  quern_cpus all;
  quern_get_cpus(&all);
  const int64_t self = quern_thread_id();
  const cpu_set_t before = allowedCpus(self);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &before))
      continue;
    // The system may move it again at any time, but not every time.
    int arrived = 0, left = 0;
    for (int i = 0; i < 100 && !arrived; i++) {
      quern_move_to(self, cpu, &all);
      arrived = quern_current_cpu() == cpu;
    }
    for (int i = 0; i < 100 && !left; i++) {
      quern_move_away(cpu, &all);
      left = quern_current_cpu() != cpu;
    }
    EXPECT_TRUE(arrived) << "at CPU " << cpu;
    EXPECT_EQ(left, CPU_COUNT(&before) > 1) << "CPU " << cpu;
    cpu_set_t after = allowedCpus(self);
    EXPECT_TRUE(CPU_EQUAL(&before, &after));
  }
  quern_move_to(self, 100000, &all);
  quern_move_to(self, -1, &all);
  quern_move_away(-1, &all);
  cpu_set_t after = allowedCpus(self);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Sys, FutexWaitEnds) {
  uint32_t word = 1;
  uint64_t start = quern_nanoseconds();
  quern_futex_wait(&word, 0, 0); // not the value: at once
  quern_futex_wait(&word, 1, 2000000);
  EXPECT_GE(quern_nanoseconds() - start, 1000000u);
}
