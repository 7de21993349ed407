// What Hugging Face's tokenizers made of difficult strings: tests/golden/text_goldens.py.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace mica::text {

std::string golden_path(const std::string& name);  // of tests/golden/text
// Of a gzipped file there.
nlohmann::json read_golden(const std::string& name);

}  // namespace mica::text
