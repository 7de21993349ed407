#include "fields.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mica/io/input.h"
#include "mica/io/json.h"

namespace llm {

using nlohmann::json;

namespace {

constexpr const char* op = "load_model";
constexpr int deepest = 64;
constexpr double largest_number = 1e30;  // which float32 holds

// Names the text in errors; its bytes are taken elsewhere.
class Label : public mica::io::Input {
 public:
  explicit Label(const std::string& label) : Input(op, label, 0) {}

 protected:
  mica::io::Bytes next(size_t) override { return {}; }
};

}  // namespace

struct Fields::Document {
  explicit Document(const std::string& name) : label(name) {}
  Label label;
  nlohmann::json root;
};

Fields::Fields(std::shared_ptr<const Document> document, const nlohmann::json* json,
               std::string prefix)
    : document_(std::move(document)), json_(json), prefix_(std::move(prefix)) {}

Fields Fields::read(const std::filesystem::path& file) {
  const auto input = mica::io::open_input(op, file.string());
  const mica::io::Bytes bytes = input->take("file", input->remaining());
  return parse({reinterpret_cast<const char*>(bytes.data.data()), bytes.data.size()},
               file.string());
}

Fields Fields::parse(std::string_view text, const std::string& label) {
  const auto document = std::make_shared<Document>(label);
  document->root = mica::io::parse_json_object(document->label, "content", text, deepest);
  return Fields(document, &document->root, "");
}

const json* Fields::find(const std::string& name) const {
  const auto field = json_->find(name);
  return field == json_->end() || field->is_null() ? nullptr : &*field;
}

bool Fields::has(const std::string& name) const { return find(name) != nullptr; }

void Fields::fail(const std::string& name, const std::string& expected,
                  const std::string& got) const {
  document_->label.fail(prefix_ + name, expected, got);
}

std::string Fields::shown(const std::string& name) const {
  const json* const field = find(name);
  if (!field) return "nothing";
  if (field->is_structured()) return fmt::format("an {}", field->type_name());
  constexpr size_t longest = 60;
  std::string text = field->is_string() ? "'" + field->get<std::string>() + "'" : field->dump();
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

int Fields::integer(const std::string& name, int least, int most,
                    std::optional<int> otherwise) const {
  const json* const field = find(name);
  if (!field && otherwise) return *otherwise;
  const auto in_range = [&](auto value) {
    return std::cmp_greater_equal(value, least) && std::cmp_less_equal(value, most);
  };
  if (field && field->is_number_unsigned() && in_range(field->get<uint64_t>()))
    return field->get<int>();
  if (field && field->is_number_integer() && !field->is_number_unsigned() &&
      in_range(field->get<int64_t>()))
    return field->get<int>();
  fail(name, fmt::format("an integer from {} to {}", least, most), shown(name));
}

double Fields::number(const std::string& name, double least,
                      std::optional<double> otherwise) const {
  const json* const field = find(name);
  if (!field && otherwise) return *otherwise;
  if (field && field->is_number()) {
    const auto value = field->get<double>();
    if (value >= least && value <= largest_number) return value;
  }
  fail(name, fmt::format("a number from {} to {}", least, largest_number), shown(name));
}

bool Fields::boolean(const std::string& name, bool otherwise) const {
  const json* const field = find(name);
  if (!field) return otherwise;
  if (!field->is_boolean()) fail(name, "true or false", shown(name));
  return field->get<bool>();
}

std::string Fields::text(const std::string& name,
                         const std::optional<std::string>& otherwise) const {
  const json* const field = find(name);
  if (!field && otherwise) return *otherwise;
  if (!field || !field->is_string()) fail(name, "a text", shown(name));
  return field->get<std::string>();
}

std::vector<int> Fields::integers(const std::string& name, int least, int most) const {
  const json* const field = find(name);
  if (!field) return {};
  if (!field->is_array()) return {integer(name, least, most)};
  std::vector<int> values;
  for (const json& value : *field) {
    if (!value.is_number_integer() || value < least || value > most) {
      fail(name, fmt::format("integers from {} to {}", least, most),
           value.is_primitive() ? value.dump() : value.type_name());
    }
    values.push_back(value.get<int>());
  }
  return values;
}

std::optional<std::vector<std::string>> Fields::texts(const std::string& name) const {
  const json* const field = find(name);
  if (!field) return std::nullopt;
  std::vector<std::string> values;
  if (!field->is_array()) fail(name, "a list of texts", shown(name));
  for (const json& value : *field) {
    if (!value.is_string()) fail(name, "a list of texts", value.type_name());
    values.push_back(value.get<std::string>());
  }
  return values;
}

std::optional<Fields> Fields::object(const std::string& name) const {
  const json* const field = find(name);
  if (!field) return std::nullopt;
  if (!field->is_object()) fail(name, "an object", shown(name));
  return Fields(document_, field, prefix_ + name + ".");
}

bool Fields::is_object(const std::string& name) const {
  const json* const field = find(name);
  return field && field->is_object();
}

std::vector<std::string> Fields::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : json_->items()) names.push_back(name);
  return names;
}

}  // namespace llm
