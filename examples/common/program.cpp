#include "program.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace examples {

namespace {

volatile std::sig_atomic_t interrupt_requested = 0;

}  // namespace

void stop_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_requested = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return interrupt_requested != 0; }

void prepare_output(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && !std::filesystem::is_directory(folder))
    error = std::make_error_code(std::errc::not_a_directory);
  if (!error && access(folder.c_str(), W_OK | X_OK) != 0)
    error = std::error_code(errno, std::generic_category());
  if (error) throw std::system_error(error, "--output: can't write to '" + folder + "'");
}

std::string path_in(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

double finite_loss(double loss) {
  if (std::isfinite(loss)) return loss;
  throw std::runtime_error("the loss is " + std::to_string(loss) +
                           ": a smaller --learning-rate may help");
}

}  // namespace examples
