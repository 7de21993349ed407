#include "mica/logging/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <utility>

#include "mica/logging/readable.h"

namespace mica::logging {

namespace {

constexpr std::string_view to_line_start = "\r", clear_to_line_end = "\x1b[K";
constexpr std::string_view green = "\x1b[32m", dim = "\x1b[2m", plain = "\x1b[0m";
constexpr uint64_t bar_columns = 20;
constexpr auto redraw_interval = std::chrono::milliseconds(100);

// The longest beginning of that many columns.
std::string_view clipped(std::string_view text, size_t columns) {
  size_t end = 0;
  for (size_t used = 0; end < text.size(); ++end)
    if ((text[end] & 0xC0) != 0x80 && used++ == columns) break;
  return text.substr(0, end);
}

}  // namespace

Display display_of(int descriptor) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  Display display;
  display.redraws = isatty(descriptor) && term && std::string_view(term) != "dumb";
  display.colors = display.redraws && !(no_color && *no_color);
  display.columns = terminal_columns(descriptor).value_or(display.columns);
  return display;
}

std::string duration(double seconds) {
  const long total = std::lround(std::max(seconds, 0.0));
  const long hours = total / 3600, minutes = total / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60)
                   : fmt::format("{}:{:02}", minutes, total % 60);
}

Progress::Progress(std::ostream& out, const Display& display, uint64_t steps, std::string unit,
                   uint64_t done)
    : out_(out),
      display_(display),
      steps_(steps),
      done_(done),
      done_before_(done),
      unit_(std::move(unit)) {}

std::string Progress::status(const std::string& text) const {
  const double seconds =
      std::max(std::chrono::duration<double>(Clock::now() - start_).count(), 1e-9);
  const auto taken = static_cast<double>(std::max<uint64_t>(done_ - done_before_, 1));
  const double left = seconds / taken * static_cast<double>(steps_ - std::min(done_, steps_));
  return fmt::format("{}  {:.0f} {}/s  {} left", text, amount_ / seconds, unit_, duration(left));
}

void Progress::step(double amount, const std::string& text) {
  ++done_;
  amount_ += amount;
  if (!display_.redraws || display_.quiet) return;
  const auto now = Clock::now();
  if (drawn_ && now - last_drawn_ < redraw_interval) return;
  last_drawn_ = now;
  redraw(status(text));
}

void Progress::milestone(const std::string& text) {
  if (display_.quiet) return;
  if (display_.redraws)
    redraw(status(text));
  else
    out_ << status(text) << std::endl;
}

void Progress::print(std::string_view text) {
  if (drawn_) out_ << to_line_start << clear_to_line_end;
  drawn_ = false;
  out_ << text << '\n' << std::flush;
}

void Progress::redraw(const std::string& text) {
  const uint64_t filled = bar_columns * std::min(done_, steps_) / std::max<uint64_t>(steps_, 1);
  std::string bar, rest;
  for (uint64_t i = 0; i < bar_columns; ++i) (i < filled ? bar : rest) += i < filled ? "━" : "─";
  // A line that wraps could not be redrawn; the last column stays free, as some terminals wrap
  // when it is written.
  const auto room = static_cast<size_t>(std::max(display_.columns - 1, 0));
  out_ << to_line_start;
  std::string_view shown = text;
  if (room >= bar_columns + 1 + columns_of(text)) {
    if (display_.colors)
      out_ << green << bar << dim << rest << plain << ' ';
    else
      out_ << bar << rest << ' ';
  } else {
    shown = clipped(text, room);
  }
  out_ << shown << clear_to_line_end << std::flush;
  drawn_ = true;
}

void Progress::finish() {
  if (drawn_) out_ << '\n' << std::flush;
  drawn_ = false;
}

}  // namespace mica::logging
