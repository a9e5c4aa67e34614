// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/report/Plot.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern::report {

std::string escape(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

std::string printNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3f", number);
  size_t last = text.find_last_not_of('0');
  text.resize(text[last] == '.' ? last : last + 1);
  return text == "-0" ? "0" : text;
}

static std::vector<double> chooseDecades(double low, double high) {
  std::vector<double> ticks;
  bool isWide = high / low > 1000;
  for (int power = static_cast<int>(std::floor(std::log10(low))); power <= 12; ++power)
    for (int digit : {1, 2, 5}) {
      double tick = digit * std::pow(10.0, power);
      if (tick > high * (1 + 1e-9))
        return ticks;
      if (tick >= low * (1 - 1e-9) && (digit == 1 || !isWide))
        ticks.push_back(tick);
    }
  return ticks;
}

std::vector<double> chooseTicks(double low, double high, bool isLogarithmic) {
  if (isLogarithmic) {
    std::vector<double> decades = chooseDecades(low, high);
    // Less than a decade: round numbers at even distances serve better.
    if (decades.size() > 2)
      return decades;
  }
  double rough = (high - low) / 5;
  if (!(rough > 0))
    return {low};
  double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power;
  for (int digit : {2, 5, 10})
    if (step < rough * (1 - 1e-9))
      step = digit * power;
  std::vector<double> ticks;
  auto first = static_cast<int64_t>(std::ceil(low / step - 1e-9));
  auto last = static_cast<int64_t>(std::floor(high / step + 1e-9));
  for (int64_t number = first; number <= last; ++number)
    ticks.push_back(static_cast<double>(number) * step);
  return ticks;
}

namespace {

/// From values to units of the picture.
struct Scale {
  double low, high, from, to;
  bool isLogarithmic;
  double operator()(double value) const {
    double part =
        isLogarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return from + part * (to - from);
  }
};

/// The extremes of some values, with a margin.
class Extent {
public:
  void add(double value) {
    if (!std::isfinite(value))
      return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Scale scaleTo(double from, double to, bool isLogarithmic) const {
    if (!(low <= high))
      return {0, 1, from, to, false};
    if (isLogarithmic) {
      double margin = std::max(std::pow(high / low, 0.04), 1.002);
      return {low / margin, high * margin, from, to, true};
    }
    double margin = high > low ? (high - low) * 0.04 : std::max(std::abs(high), 1.0) * 0.1;
    return {low - margin, high + margin, from, to, false};
  }

private:
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

constexpr double width = 760, height = 420, left = 64, right = 120, top = 34, bottom = 46;

/// Draws one plot.
class Painter {
public:
  explicit Painter(const Plot &plot);
  std::string run();

private:
  void drawAxes();
  void drawLimits();
  void drawSeries(const PlotSeries &series);
  void drawLabels();
  bool isInside(const PlotPoint &point) const {
    return std::isfinite(x(point.x)) && std::isfinite(y(point.y));
  }

  const Plot &plot;
  Scale x, y;
  std::string text;
  llvm::raw_string_ostream out{text};
};

} // namespace

static Scale makeScale(const Plot &plot, bool isX) {
  Extent extent;
  for (const PlotSeries &series : plot.series)
    for (const PlotPoint &point : series.points) {
      extent.add(isX ? point.x : point.y);
      if (!isX && series.hasIntervals) {
        extent.add(point.low);
        extent.add(point.high);
      }
    }
  for (const PlotLimit &limit : plot.limits)
    if (limit.isVertical == isX)
      extent.add(limit.value);
  const PlotAxis &axis = isX ? plot.x : plot.y;
  double from = left, to = width - right;
  if (axis.isReversed)
    std::swap(from, to);
  return isX ? extent.scaleTo(from, to, axis.isLogarithmic)
             : extent.scaleTo(height - bottom, top, axis.isLogarithmic);
}

Painter::Painter(const Plot &plot)
    : plot(plot), x(makeScale(plot, true)), y(makeScale(plot, false)) {}

void Painter::drawAxes() {
  for (double tick : chooseTicks(x.low, x.high, x.isLogarithmic))
    out << llvm::formatv("<line class=\"grid\" x1=\"{0:F1}\" x2=\"{0:F1}\" y1=\"{1}\" y2=\"{2}\"/>"
                         "<text x=\"{0:F1}\" y=\"{3}\" text-anchor=\"middle\">{4}{5}</text>\n",
                         x(tick), top, height - bottom, height - bottom + 16, printNumber(tick),
                         escape(plot.x.unit));
  for (double tick : chooseTicks(y.low, y.high, y.isLogarithmic))
    out << llvm::formatv("<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:F1}\" y2=\"{2:F1}\"/>"
                         "<text x=\"{3}\" y=\"{4:F1}\" text-anchor=\"end\">{5}{6}</text>\n",
                         left, width - right, y(tick), left - 6, y(tick) + 4, printNumber(tick),
                         escape(plot.y.unit));
  out << llvm::formatv("<text class=\"label\" x=\"{0}\" y=\"{1}\" text-anchor=\"middle\">{2}"
                       "</text>\n",
                       (left + width - right) / 2, height - 8, escape(plot.x.label));
  out << llvm::formatv("<text class=\"label\" x=\"{0}\" y=\"{1}\">{2}</text>\n", 6, top - 18,
                       escape(plot.y.label));
}

void Painter::drawLimits() {
  for (const PlotLimit &limit : plot.limits) {
    double at = limit.isVertical ? x(limit.value) : y(limit.value);
    if (limit.isVertical)
      out << llvm::formatv("<line class=\"limit\" x1=\"{0:F1}\" x2=\"{0:F1}\" y1=\"{1}\" "
                           "y2=\"{2}\"/><text class=\"limit\" x=\"{3:F1}\" y=\"{4}\">{5}</text>\n",
                           at, top, height - bottom, at + 3, top + 10, escape(limit.label));
    else
      out << llvm::formatv("<line class=\"limit\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:F1}\" "
                           "y2=\"{2:F1}\"/><text class=\"limit\" x=\"{3}\" y=\"{4:F1}\" "
                           "text-anchor=\"end\">{5}</text>\n",
                           left, width - right, at, width - right - 3, at - 4, escape(limit.label));
  }
}

void Painter::drawSeries(const PlotSeries &series) {
  out << "<g stroke=\"" << escape(series.color) << "\" fill=\"" << escape(series.color) << "\">\n";
  if (series.hasLine) {
    out << "<polyline class=\"" << (series.isBold ? "bold" : "line") << "\" points=\"";
    for (const PlotPoint &point : series.points)
      if (isInside(point))
        out << llvm::formatv("{0:F1},{1:F1} ", x(point.x), y(point.y));
    out << "\"/>\n";
  }
  for (const PlotPoint &point : series.points) {
    if (!isInside(point))
      continue;
    if (series.hasIntervals)
      out << llvm::formatv("<line class=\"bar\" x1=\"{0:F1}\" x2=\"{0:F1}\" y1=\"{1:F1}\" "
                           "y2=\"{2:F1}\"/>\n",
                           x(point.x), y(point.low), y(point.high));
    if (series.hasMarks)
      out << llvm::formatv("<circle cx=\"{0:F1}\" cy=\"{1:F1}\" r=\"{2}\"><title>{3}</title>"
                           "</circle>\n",
                           x(point.x), y(point.y), series.isBold ? 5 : 3.2, escape(point.title));
  }
  out << "</g>\n";
}

/// The names of series at their last points, moved apart where they would cover each other.
void Painter::drawLabels() {
  struct Label {
    double at;
    const PlotSeries *series;
  };
  std::vector<Label> labels;
  for (const PlotSeries &series : plot.series)
    if (!series.label.empty() && !series.points.empty() && isInside(series.points.back()))
      labels.push_back({y(series.points.back().y), &series});
  llvm::sort(labels, [](const Label &a, const Label &b) {
    return std::pair(a.at, a.series) < std::pair(b.at, b.series);
  });
  constexpr double distance = 14;
  double next = top;
  for (Label &label : labels) {
    label.at = std::max(label.at, next);
    next = label.at + distance;
  }
  double limit = height - bottom;
  for (Label &label : llvm::reverse(labels)) {
    label.at = std::min(label.at, limit);
    limit = label.at - distance;
  }
  for (const Label &label : labels)
    out << llvm::formatv("<text x=\"{0}\" y=\"{1:F1}\" fill=\"{2}\" class=\"{3}\">{4}</text>\n",
                         width - right + 8, label.at + 4, escape(label.series->color),
                         label.series->isBold ? "strong" : "", escape(label.series->label));
}

std::string Painter::run() {
  out << llvm::formatv("<svg viewBox=\"0 0 {0} {1}\" role=\"img\"><title>{2}</title>\n", width,
                       height, escape(plot.title));
  drawAxes();
  drawLimits();
  for (const PlotSeries &series : plot.series)
    drawSeries(series);
  drawLabels();
  out << "</svg>\n";
  return std::move(text);
}

std::string draw(const Plot &plot) { return Painter(plot).run(); }

static void drawPanel(llvm::raw_ostream &out, const BarPanel &panel, double begin) {
  constexpr double panelHeight = 120;
  double end = begin + panelHeight, largest = 0, smallest = std::numeric_limits<double>::infinity();
  for (const Bar &bar : panel.bars) {
    largest = std::max(largest, bar.value);
    if (bar.value > 0)
      smallest = std::min(smallest, bar.value);
  }
  if (!(largest > 0))
    std::tie(largest, smallest) = std::pair(1.0, 1.0);
  Scale y = {panel.isLogarithmic ? smallest / 10 : 0, largest * 1.05, end, begin,
             panel.isLogarithmic};
  out << llvm::formatv("<text class=\"label\" x=\"6\" y=\"{0}\">{1}</text>\n", begin - 8,
                       escape(panel.label));
  for (double tick : chooseTicks(y.low, y.high, y.isLogarithmic))
    out << llvm::formatv("<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:F1}\" y2=\"{2:F1}\"/>"
                         "<text x=\"{3}\" y=\"{4:F1}\" text-anchor=\"end\">{5}</text>\n",
                         left, width - 10, y(tick), left - 6, y(tick) + 4,
                         tick > 0 && tick < 0.001 ? llvm::formatv("{0:E0}", tick).str()
                                                  : printNumber(tick));
  double step = (width - 10 - left) / static_cast<double>(std::max<size_t>(panel.bars.size(), 1));
  for (auto [index, bar] : llvm::enumerate(panel.bars)) {
    if (!(bar.value > y.low))
      continue;
    double at = y(bar.value);
    out << llvm::formatv("<rect x=\"{0:F1}\" y=\"{1:F1}\" width=\"{2:F1}\" height=\"{3:F1}\" "
                         "fill=\"{4}\"><title>{5}</title></rect>\n",
                         left + step * (static_cast<double>(index) + 0.1), at, step * 0.8, end - at,
                         escape(bar.color), escape(bar.title));
  }
}

std::string draw(llvm::ArrayRef<BarPanel> panels) {
  constexpr double distance = 170;
  std::string text;
  llvm::raw_string_ostream out(text);
  out << llvm::formatv("<svg viewBox=\"0 0 {0} {1}\" role=\"img\">\n", width,
                       distance * static_cast<double>(panels.size()));
  for (auto [index, panel] : llvm::enumerate(panels))
    drawPanel(out, panel, 30 + distance * static_cast<double>(index));
  out << "</svg>\n";
  return text;
}

} // namespace quern::report
