// How far names are from each other, for errors that say which one was likely meant.
#pragma once

#include <cstddef>
#include <string_view>

namespace mica::nn {

// How many letters must be inserted, removed or changed to make b of a.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace mica::nn
