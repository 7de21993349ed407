#include "progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace digits {

namespace {

constexpr std::string_view to_line_start = "\r";
constexpr std::string_view clear_to_line_end = "\x1b[K";
constexpr std::string_view green = "\x1b[32m", dim = "\x1b[2m", plain = "\x1b[0m";
constexpr int bar_columns = 20;
constexpr auto redraw_interval = std::chrono::milliseconds(100);

std::string measures(const Measured& measured) {
  return fmt::format("loss {:.4f}  accuracy {:.4f}", measured.loss, measured.accuracy);
}

}  // namespace

Display display_of(int descriptor) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  Display display;
  display.redraws = isatty(descriptor) && term && std::string_view(term) != "dumb";
  display.colors = display.redraws && !(no_color && *no_color);
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) display.columns = size.ws_col;
  return display;
}

std::string duration(double seconds) {
  const long total = std::lround(std::max(seconds, 0.0));
  const long hours = total / 3600, minutes = total / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60)
                   : fmt::format("{}:{:02}", minutes, total % 60);
}

std::string Progress::status(int epoch, const Measured& training) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double left = seconds / done_ * (steps_ - done_);
  return fmt::format("epoch {:>{}}/{}  {}{}  {:.0f} images/s  {} left", epoch,
                     fmt::formatted_size("{}", epochs_), epochs_, measures(training), held_out_,
                     static_cast<double>(images_) / std::max(seconds, 1e-9), duration(left));
}

void Progress::step(int epoch, int images, const Measured& training) {
  ++done_;
  images_ += images;
  if (!display_.redraws) return;
  const auto now = Clock::now();
  if (drawn_ && now - last_drawn_ < redraw_interval) return;
  last_drawn_ = now;
  redraw(status(epoch, training));
}

void Progress::end_epoch(int epoch, const Measured& training, const Measured& held_out) {
  held_out_ = fmt::format("  held-out {:.4f}", held_out.accuracy);
  if (display_.redraws)
    redraw(status(epoch, training));
  else
    out_ << status(epoch, training) << std::endl;
}

void Progress::redraw(const std::string& text) {
  const int filled = bar_columns * done_ / std::max(steps_, 1);
  std::string bar, rest;
  for (int i = 0; i < bar_columns; ++i) (i < filled ? bar : rest) += i < filled ? "━" : "─";
  // A line that wraps could not be redrawn; the last column stays free, as some terminals wrap
  // when it is written.
  const int room = display_.columns - 1;
  out_ << to_line_start;
  std::string_view shown = text;
  if (room >= bar_columns + 1 + static_cast<int>(text.size())) {
    if (display_.colors)
      out_ << green << bar << dim << rest << plain << ' ';
    else
      out_ << bar << rest << ' ';
  } else {
    shown = shown.substr(0, static_cast<size_t>(std::max(room, 0)));
  }
  out_ << shown << clear_to_line_end << std::flush;
  drawn_ = true;
}

void Progress::finish() {
  if (drawn_) out_ << '\n' << std::flush;
  drawn_ = false;
}

}  // namespace digits
