// The fields of JSON files from outside, each checked as it is read. Errors are
// std::invalid_argument and name file and field: "load_model (m/config.json): hidden_size: expected
// ..., got ...".
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llm {

class Fields {
 public:
  // Throws std::system_error where the file can't be read.
  static Fields read(const std::filesystem::path& file);
  static Fields parse(std::string_view text, const std::string& label);

  // Null is as good as none.
  bool has(const std::string& name) const;
  // A field that is missing gives `otherwise`; where that is nullopt it is an error.
  int integer(const std::string& name, int least, int most,
              std::optional<int> otherwise = std::nullopt) const;
  // At least `least`, and within float32.
  double number(const std::string& name, double least,
                std::optional<double> otherwise = std::nullopt) const;
  bool boolean(const std::string& name, bool otherwise) const;
  std::string text(const std::string& name,
                   const std::optional<std::string>& otherwise = std::nullopt) const;
  // One integer, or a list of them; none where the field is missing.
  std::vector<int> integers(const std::string& name, int least, int most) const;
  std::optional<std::vector<std::string>> texts(const std::string& name) const;
  std::optional<Fields> object(const std::string& name) const;
  bool is_object(const std::string& name) const;
  std::vector<std::string> names() const;

  [[noreturn]] void fail(const std::string& name, const std::string& expected,
                         const std::string& got) const;
  // "12", "'text'" or "an array"; "nothing" where there is none.
  std::string shown(const std::string& name) const;
  const nlohmann::json& as_json() const { return *json_; }

 private:
  struct Document;
  Fields(std::shared_ptr<const Document> document, const nlohmann::json* json, std::string prefix);
  const nlohmann::json* find(const std::string& name) const;

  std::shared_ptr<const Document> document_;
  const nlohmann::json* json_;
  std::string prefix_;  // "rope_scaling."
};

}  // namespace llm
