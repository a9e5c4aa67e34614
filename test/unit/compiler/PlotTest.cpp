// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/report/Plot.h"

#include <gtest/gtest.h>

using namespace quern::report;

TEST(Plot, TicksAreRound) {
  EXPECT_EQ(chooseTicks(0, 10, false), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(chooseTicks(180, 750, false), (std::vector<double>{200, 400, 600}));
  EXPECT_EQ(chooseTicks(1, 9, true), (std::vector<double>{1, 2, 5}));
  EXPECT_EQ(chooseTicks(0.01, 1000, true).size(), 6u);
  EXPECT_EQ(chooseTicks(1, 1.1, true).size(), 6u); // 1, 1.02, …
  EXPECT_EQ(chooseTicks(3, 3, false), (std::vector<double>{3}));
}

TEST(Plot, NumbersAreShort) {
  EXPECT_EQ(printNumber(2), "2");
  EXPECT_EQ(printNumber(0.5), "0.5");
  EXPECT_EQ(printNumber(1.2345), "1.234");
  EXPECT_EQ(printNumber(-0.0001), "0");
}

/// The value of an attribute of the first element that `start` begins.
static double getNumber(const std::string &svg, const std::string &start, const std::string &name) {
  size_t at = svg.find(name + "=\"", svg.find(start));
  return at == std::string::npos ? -1 : std::stod(svg.substr(at + name.size() + 2));
}

TEST(Plot, LargerValuesAreHigherUp) {
  Plot plot = {"", {"x", false, ""}, {"y", true, ""}, {}, {{false, 10, "limit"}}};
  plot.series.push_back({"a", "red", {{1, 1, 0, 0, ""}}, false, true, false, false});
  plot.series.push_back({"b", "blue", {{2, 100, 0, 0, ""}}, false, true, false, false});
  std::string svg = draw(plot);
  double low = getNumber(svg, "stroke=\"red\"", "cy"),
         high = getNumber(svg, "stroke=\"blue\"", "cy");
  EXPECT_GT(low, high);
  EXPECT_LT(getNumber(svg, "stroke=\"red\"", "cx"), getNumber(svg, "stroke=\"blue\"", "cx"));
  // Ten is half-way between one and a hundred.
  EXPECT_NEAR(getNumber(svg, "class=\"limit\"", "y1"), (low + high) / 2, 0.2);
}

TEST(Plot, AxesCanBeReversed) {
  Plot plot = {"", {"x", false, "", true}, {"y", false, ""}, {}, {}};
  plot.series.push_back({"a", "red", {{2, 1, 0, 0, ""}}, false, true, false, false});
  plot.series.push_back({"b", "blue", {{8, 1, 0, 0, ""}}, false, true, false, false});
  std::string svg = draw(plot);
  EXPECT_GT(getNumber(svg, "stroke=\"red\"", "cx"), getNumber(svg, "stroke=\"blue\"", "cx"));
}

TEST(Plot, NamesDoNotCoverEachOther) {
  Plot plot = {"", {"x", false, ""}, {"y", false, ""}, {}, {}};
  for (int i = 0; i < 10; ++i)
    plot.series.push_back(
        {"series" + std::to_string(i), "red", {{1, 5, 0, 0, ""}}, false, true, false, false});
  plot.series.push_back(
      {"", "red", {{1, 0, 0, 0, ""}, {1, 9, 0, 0, ""}}, false, true, false, false});
  std::string svg = draw(plot);
  std::vector<double> places;
  for (int i = 0; i < 10; ++i) {
    size_t name = svg.find(">series" + std::to_string(i) + "<");
    size_t begin = svg.rfind("y=\"", name);
    places.push_back(std::stod(svg.substr(begin + 3)));
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i)
    EXPECT_GE(places[i] - places[i - 1], 12);
}

TEST(Plot, TextIsEscaped) {
  Plot plot = {"<&\"", {"x<y", false, ""}, {"", false, ""}, {}, {}};
  std::string svg = draw(plot);
  EXPECT_NE(svg.find("&lt;&amp;&quot;"), std::string::npos);
  EXPECT_NE(svg.find("x&lt;y"), std::string::npos);
}
