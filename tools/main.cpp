#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>

#include "program.h"

namespace {

std::optional<int> terminal_width() {
  winsize size{};
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return size.ws_col > 0 ? std::optional<int>(size.ws_col) : std::nullopt;
}

}  // namespace

int main(int count, char** arguments) {
  return tools::run({arguments + 1, arguments + count}, std::cout, std::cerr, terminal_width());
}
