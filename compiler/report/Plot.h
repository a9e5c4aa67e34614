// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_REPORT_PLOT_H
#define QUERN_COMPILER_REPORT_PLOT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace quern::report {

/// Text as HTML and SVG want it.
std::string escape(llvm::StringRef text);

struct PlotPoint {
  double x = 0, y = 0;
  double low = 0, high = 0; ///< of y; drawn if the series has intervals
  std::string title;        ///< shown where the mouse is
};

/// Points that belong together.
struct PlotSeries {
  std::string label; ///< in the legend, and at the end of a line; empty: neither
  std::string color; ///< as CSS writes it
  std::vector<PlotPoint> points;
  bool hasLine = false, hasMarks = true, hasIntervals = false;
  bool isBold = false;
};

struct PlotAxis {
  std::string label;
  bool isLogarithmic = false; ///< then all values must be positive
  std::string unit;           ///< after the numbers at the ticks
  bool isReversed = false;    ///< of x: from large to small
};

/// A budget: a line across.
struct PlotLimit {
  bool isVertical = false;
  double value = 0;
  std::string label;
};

/// A plot of series over one pair of axes.
struct Plot {
  std::string title;
  PlotAxis x, y;
  std::vector<PlotSeries> series;
  std::vector<PlotLimit> limits;
};

/// The plot as an SVG element of its own, of 760 x 420 units.
std::string draw(const Plot &plot);

/// A bar for each of some things in their order.
struct Bar {
  double value = 0;
  std::string color, title;
};
struct BarPanel {
  std::string label;
  bool isLogarithmic = false; ///< then bars begin at a tenth of the smallest positive value
  std::vector<Bar> bars;
};

/// Panels with as many bars each, one above the other, as an SVG element.
std::string draw(llvm::ArrayRef<BarPanel> panels);

/// Round numbers for ticks that span low .. high; on a logarithmic axis 1, 2 and 5 times powers of
/// ten, or fewer.
std::vector<double> chooseTicks(double low, double high, bool isLogarithmic);

/// A number with at most three digits after the point, none of them zeros at the end.
std::string printNumber(double number);

} // namespace quern::report

#endif // QUERN_COMPILER_REPORT_PLOT_H
