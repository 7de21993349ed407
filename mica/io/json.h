// JSON texts from outside.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "mica/io/input.h"

namespace mica::io {

// The object that the text holds, with names that occur once and at most `deepest` levels. Errors
// name `field`. Numbers are as in the text, names and texts are UTF-8.
nlohmann::json parse_json_object(const Input& input, const std::string& field,
                                 std::string_view text, int deepest);

}  // namespace mica::io
