// How far a long run is: on a terminal one line with a bar that is redrawn, elsewhere plain lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace mica::logging {

// What can be shown.
struct Display {
  bool quiet = false;    // nothing is written but what Progress::print is given
  bool redraws = false;  // a terminal that moves its cursor; else plain lines are written
  bool colors = false;
  int columns = 80;
};

// That of a file descriptor: colours unless NO_COLOR is set (no-color.org), redrawing unless
// TERM is "dumb". Not a terminal: plain lines.
Display display_of(int descriptor);

// A run of a known number of steps, each of which works on some amount of a unit ("images"), whose
// rate is shown. Writes to `out`, which must outlive it.
class Progress {
 public:
  // steps: of the whole run, `done` of which an earlier process has taken.
  Progress(std::ostream& out, const Display& display, uint64_t steps, std::string unit,
           uint64_t done = 0);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // One more step is done. The redrawn line is the bar, then `text`, the rate and the time left.
  void step(double amount, const std::string& text);
  // `text`, the rate and the time left as a line that stays where nothing is redrawn, else redrawn
  // at once: for the end of an epoch.
  void milestone(const std::string& text);
  // Text that stays, above the line that is redrawn, as it is.
  void print(std::string_view text);
  // Ends the redrawn line, so that other output can follow.
  void finish();

  uint64_t done() const { return done_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::string status(const std::string& text) const;
  void redraw(const std::string& text);

  std::ostream& out_;
  Display display_;
  uint64_t steps_, done_, done_before_;
  std::string unit_;
  double amount_ = 0;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_drawn_;
};

// 75 seconds as "1:15", 3675 as "1:01:15".
std::string duration(double seconds);

}  // namespace mica::logging
