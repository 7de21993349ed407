#include "arguments.h"

#include <CLI/CLI.hpp>

namespace examples {

std::string failure_text(const CLI::App* app, const CLI::Error& error) {
  const std::string name = app->get_name();
  std::string text = error.what();
  const auto commands =
      app->get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
  if (!commands.empty() && app->get_subcommands().empty()) {
    text = "expected ";
    for (size_t i = 0; i < commands.size(); ++i) {
      text += i == 0 ? "" : i + 1 == commands.size() ? " or " : ", ";
      text += commands[i]->get_name();
    }
    const auto others = app->remaining();
    text += ", got " + (others.empty() ? "none" : "'" + others.front() + "'");
  }
  return name + ": " + text + "; see " + name + " --help\n";
}

}  // namespace examples
