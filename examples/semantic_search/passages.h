// Text files, in pieces that a vector can stand for.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace semantic_search {

struct Passage {
  int line;  // where it begins, counted from 1
  std::string text;
};

// Paragraphs; short ones are joined, long ones cut between lines or, where a line is long, words.
std::vector<Passage> split_passages(std::string_view text);

struct TextFile {
  std::string path;  // below the folder
  std::string text;
};

struct Folder {
  std::vector<TextFile> files;       // by path
  std::vector<std::string> skipped;  // "a.png: not text"
};

// The text files in a folder and those below it; hidden ones (".git") are left out, binary, very
// large and unreadable ones are skipped. Throws std::invalid_argument where there is no folder.
Folder read_folder(const std::filesystem::path& folder);

}  // namespace semantic_search
