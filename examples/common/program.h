// What the programs of the examples share.
#pragma once

#include <string>

namespace examples {

inline constexpr int interrupted_status = 130;  // 128 + SIGINT, as shells report it

// The first Ctrl-C from now on makes interrupted() true; a second one ends the program as usual.
void stop_on_interrupt();
bool interrupted();

// Makes the folder where it isn't there. Throws std::system_error where it can't be written to,
// "--output: can't write to 'folder': ...", before any work, so that a long run does not end
// without a place for its results.
void prepare_output(const std::string& folder);

// "a/b" and "c" as "a/b/c".
std::string path_in(const std::string& folder, const std::string& name);

// The loss. Throws std::runtime_error where it is not finite: nothing that the run computes from
// then on would be.
double finite_loss(double loss);

}  // namespace examples
