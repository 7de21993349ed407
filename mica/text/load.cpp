// The files in which tokenizers come.
#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "mica/io/file.h"
#include "mica/text/stages.h"
#include "mica/text/unicode.h"

namespace mica::text {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* op = "Tokenizer::load";

std::string read_file(const fs::path& path) {
  const io::MappedFile file(op, path.string());
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string label(const fs::path& path) { return std::string(op) + " (" + path.string() + ")"; }

json read_json(const fs::path& path) { return parse_json(read_file(path), label(path)); }

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

json merges_of(std::string_view text, const std::string& file) {
  if (!is_utf8(text)) throw std::invalid_argument(file + ": expected UTF-8");
  json merges = json::array();
  for (const std::string_view line : lines_of(text)) {
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(line);
  }
  return merges;
}

json added_token(const std::string& content, int64_t id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

// Of those that the vocabulary has.
json special_tokens(const json& vocabulary, const std::vector<std::string>& tokens) {
  json result = json::array();
  for (const std::string& token : tokens) {
    const auto found = vocabulary.find(token);
    if (found != vocabulary.end() && found->is_number_integer())
      result.push_back(added_token(token, *found));
  }
  return result;
}

// The tokens that a tokenizer_config.json or special_tokens_map.json calls "bos_token" and the
// like, as strings or objects with their "content".
void append_named_tokens(const json& config, std::vector<std::string>& tokens) {
  if (!config.is_object()) return;
  for (const auto& [name, value] : config.items()) {
    if (!name.ends_with("_token")) continue;
    const json& content = value.is_object() && value.contains("content") ? value["content"] : value;
    if (!content.is_string()) continue;
    const auto& token = content.get_ref<const std::string&>();
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
}

json load_byte_level(const fs::path& vocabulary) {
  const fs::path folder = vocabulary.parent_path();
  const fs::path merges = folder / "merges.txt";
  std::vector<std::string> special{"<|endoftext|>"};
  for (const char* name : {"special_tokens_map.json", "tokenizer_config.json"}) {
    if (fs::exists(folder / name)) append_named_tokens(read_json(folder / name), special);
  }
  return byte_level_document(read_json(vocabulary), merges_of(read_file(merges), label(merges)),
                             special);
}

json load_wordpiece(const fs::path& vocabulary) {
  const fs::path path = vocabulary.parent_path() / "tokenizer_config.json";
  const std::string text = read_file(vocabulary);
  if (!fs::exists(path)) return wordpiece_document(text, label(vocabulary), nullptr);
  const json config = read_json(path);
  const Field field(config, label(path));
  return wordpiece_document(text, label(vocabulary), &field);
}

fs::path find_file(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "vocab.txt", "vocab.json"}) {
    if (fs::exists(folder / name)) return folder / name;
  }
  throw std::invalid_argument(label(folder) +
                              ": expected a tokenizer.json, vocab.txt or vocab.json, got none");
}

}  // namespace

json wordpiece_document(std::string_view text, const std::string& file, const Field* config) {
  if (!is_utf8(text)) throw std::invalid_argument(file + ": expected UTF-8");
  json vocabulary = json::object();
  for (const std::string_view line : lines_of(text)) {
    const size_t id = vocabulary.size();
    if (!vocabulary.emplace(line, id).second) {
      throw std::invalid_argument(file + ": line " + std::to_string(id + 1) +
                                  ": expected a token that is not there yet, got " +
                                  in_quotes(line));
    }
  }
  const bool lowercase = config ? config->get_bool("do_lower_case", true) : true;
  const auto accents = config ? config->find("strip_accents") : std::nullopt;
  json normalizer{
      {"type", "BertNormalizer"},
      {"lowercase", lowercase},
      {"strip_accents", accents ? accents->boolean() : lowercase},
      {"handle_chinese_chars", config ? config->get_bool("tokenize_chinese_chars", true) : true}};
  auto id_of = [&](const char* token) {
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) {
      throw std::invalid_argument(file + ": expected the token " + in_quotes(token) + ", got none");
    }
    return json{token, *found};
  };
  json document{
      {"version", "1.0"},
      {"added_tokens", special_tokens(vocabulary, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"})},
      {"normalizer", std::move(normalizer)},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "BertProcessing"}, {"sep", id_of("[SEP]")}, {"cls", id_of("[CLS]")}}},
      {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", "[UNK]"},
        {"continuing_subword_prefix", "##"},
        {"max_input_chars_per_word", 100}}}};
  document["model"]["vocab"] = std::move(vocabulary);
  return document;
}

json byte_level_document(json vocabulary, json merges, const std::vector<std::string>& special) {
  const json stage{{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", true},
                   {"use_regex", true}};
  json document{{"version", "1.0"},
                {"added_tokens", special_tokens(vocabulary, special)},
                {"normalizer", nullptr},
                {"pre_tokenizer", stage},
                {"post_processor", nullptr},
                {"decoder", stage},
                {"model",
                 {{"type", "BPE"},
                  {"dropout", nullptr},
                  {"unk_token", nullptr},
                  {"continuing_subword_prefix", nullptr},
                  {"end_of_word_suffix", nullptr},
                  {"fuse_unk", false},
                  {"byte_fallback", false},
                  {"ignore_merges", false}}}};
  document["model"]["vocab"] = std::move(vocabulary);
  document["model"]["merges"] = std::move(merges);
  return document;
}

Tokenizer Tokenizer::load(const fs::path& file_or_folder) {
  const fs::path path =
      fs::is_directory(file_or_folder) ? find_file(file_or_folder) : file_or_folder;
  json document;
  if (path.extension() == ".txt") {
    document = load_wordpiece(path);
  } else if (path.filename() == "vocab.json") {
    document = load_byte_level(path);
  } else {
    document = read_json(path);
  }
  return Tokenizer(std::make_shared<const Stages>(std::move(document), label(path)));
}

}  // namespace mica::text
