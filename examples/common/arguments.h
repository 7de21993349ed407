// Command lines that are wrong, said in one line.
#pragma once

#include <string>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace examples {

// For CLI::App::failure_message: "gpt: expected train or generate, got none; see gpt --help".
std::string failure_text(const CLI::App* app, const CLI::Error& error);

}  // namespace examples
