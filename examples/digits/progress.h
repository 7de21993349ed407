// How far training is: on a terminal one line that is redrawn, elsewhere a line for each epoch.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

namespace digits {

// What a terminal can show.
struct Display {
  bool redraws = false;  // a terminal that moves its cursor; else plain lines are written
  bool colors = false;
  int columns = 80;
};

// That of a file descriptor: colours unless NO_COLOR is set (no-color.org), redrawing unless
// TERM is "dumb". Not a terminal: plain lines.
Display display_of(int descriptor);

// The mean loss and the share of right answers so far in an epoch.
struct Measured {
  double loss = 0;
  double accuracy = 0;
};

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // steps: of all epochs together.
  Progress(std::ostream& out, const Display& display, int epochs, int steps)
      : out_(out), display_(display), epochs_(epochs), steps_(steps) {}

  // A step of the epoch (counted from 1) that trained on `images` is done.
  void step(int epoch, int images, const Measured& training);
  // The epoch is done, and this is what the model reaches on the held-out images.
  void end_epoch(int epoch, const Measured& training, const Measured& held_out);
  // Ends the redrawn line, so that other output can follow.
  void finish();

 private:
  std::string status(int epoch, const Measured& training) const;
  void redraw(const std::string& text);

  std::ostream& out_;
  Display display_;
  int epochs_, steps_;
  int done_ = 0;  // steps
  long images_ = 0;
  std::string held_out_;  // the last epoch's
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_drawn_;
};

// 75 as "1:15", 3675 as "1:01:15".
std::string duration(double seconds);

}  // namespace digits
