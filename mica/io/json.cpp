#include "mica/io/json.h"

#include <fmt/format.h>

#include <set>
#include <vector>

namespace mica::io {

using nlohmann::json;

json parse_json_object(const Input& input, const std::string& field, std::string_view text,
                       int deepest) {
  // The names seen so far of the object open at each depth.
  std::vector<std::set<std::string>> names(static_cast<size_t>(deepest) + 2);
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > deepest) {
      input.fail(field, fmt::format("at most {} levels of nesting", deepest), "more");
    }
    const auto level = static_cast<size_t>(depth);
    if (event == json::parse_event_t::object_start) names[level + 1].clear();
    if (event == json::parse_event_t::key &&
        !names[level].insert(value.get<std::string>()).second) {
      input.fail(field, "each name once", fmt::format("'{}' twice", value.get<std::string>()));
    }
    return true;
  };
  json object = json::parse(text.begin(), text.end(), check, /*allow_exceptions=*/false);
  if (object.is_discarded()) input.fail(field, "JSON", "something else");
  if (!object.is_object()) input.fail(field, "a JSON object", object.type_name());
  return object;
}

}  // namespace mica::io
