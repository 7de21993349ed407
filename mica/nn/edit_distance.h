// How far names are from each other, for errors that say which one was likely meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mica::nn {

// How many letters must be inserted, removed or changed to make b of a.
size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that the name was likely meant to be, empty where none is near.
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

// "'a' (did you mean 'b'?), 'c' and 3 more".
std::string some_of(const std::vector<std::string>& names,
                    const std::vector<std::string>& candidates = {});

}  // namespace mica::nn
