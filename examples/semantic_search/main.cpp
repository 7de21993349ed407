// Searches a folder of text by meaning: `index` gives each passage a vector, `query` finds those
// nearest to a question's.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "arguments.h"
#include "embedder.h"
#include "index.h"
#include "mica/logging/progress.h"
#include "passages.h"

namespace semantic_search {

namespace {

namespace fs = std::filesystem;
namespace logging = mica::logging;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model = "all-MiniLM-L6-v2";
  std::string index = "semantic_search.safetensors";
  std::string folder;
  std::string question;
  size_t count = 5;
  std::string sentences;
  int batch = 32;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Embedder load_model(const Options& options) {
  if (!fs::is_directory(options.model)) {
    throw std::invalid_argument("'" + options.model +
                                "': expected a model's folder; scripts/fetch_minilm.sh fetches "
                                "all-MiniLM-L6-v2");
  }
  return Embedder(options.model);
}

void build_index(const Options& options) {
  const Folder folder = read_folder(options.folder);
  for (const std::string& skipped : folder.skipped) std::cerr << "skipped " << skipped << '\n';
  if (folder.files.empty()) {
    throw std::invalid_argument("'" + options.folder + "': expected text files, got none");
  }
  const Embedder embedder = load_model(options);
  Index index = fs::exists(options.index) ? Index::load(options.index, embedder) : Index(embedder);
  std::optional<logging::Progress> progress;
  const auto show = [&](size_t done, size_t all) {
    if (!progress) progress.emplace(std::cerr, logging::display_of(STDERR_FILENO), all, "passages");
    while (progress->done() < done) progress->step(1, fmt::format("{} of {} passages", done, all));
    if (done == all) progress->milestone(fmt::format("{} passages", all));
  };
  const Index::Changes changes = index.update(folder.files, embedder, show);
  if (progress) progress->finish();
  index.save(options.index);
  std::cout << fmt::format("{}: {} files, {} passages; {} files with {} passages were new\n",
                           options.index, changes.files, changes.passages, changes.embedded_files,
                           changes.embedded_passages);
}

void answer(const Options& options) {
  if (!fs::exists(options.index)) {
    throw std::invalid_argument("'" + options.index +
                                "': expected an index; `semantic_search index FOLDER` makes one");
  }
  const Embedder embedder = load_model(options);
  const Index index = Index::load(options.index, embedder);
  for (const Hit& hit : index.query(options.question, options.count, embedder)) {
    std::cout << fmt::format("{:.3f}  {}:{}\n{}\n\n", hit.score, hit.path, hit.passage.line,
                             hit.passage.text);
  }
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream stream(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  if (lines.empty()) throw std::invalid_argument("'" + path + "': expected lines of text");
  return lines;
}

// The vector of each line, as numbers in a line.
void print_vectors(const Options& options) {
  mica::array vectors = load_model(options).embed(lines_of(options.sentences));
  vectors.eval();
  for (int i = 0; i < vectors.shape(0); ++i) {
    const float* row = vectors.data<float>() + static_cast<size_t>(i) * vectors.shape(1);
    std::cout << fmt::format("{:.9g}\n", fmt::join(row, row + vectors.shape(1), " "));
  }
}

// Passes over the lines, batch by batch; prints the median of sentences per second.
void measure(const Options& options) {
  const Embedder embedder = load_model(options);
  const std::vector<std::string> lines = lines_of(options.sentences);
  std::vector<double> rates;
  for (int pass = 0; pass < 7; ++pass) {
    const auto start = Clock::now();
    for (size_t begin = 0; begin < lines.size(); begin += static_cast<size_t>(options.batch)) {
      const size_t end = std::min(lines.size(), begin + static_cast<size_t>(options.batch));
      embedder
          .embed({lines.begin() + static_cast<ptrdiff_t>(begin),
                  lines.begin() + static_cast<ptrdiff_t>(end)})
          .eval();
    }
    rates.push_back(static_cast<double>(lines.size()) / seconds_since(start));
  }
  std::sort(rates.begin(), rates.end());
  std::cout << fmt::format("batch {}: {:.1f} sentences a second\n", options.batch,
                           rates[rates.size() / 2]);
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Searches a folder of text by meaning.", "semantic_search");
  app.failure_message(examples::failure_text);
  app.require_subcommand(1);
  app.add_option("--model", options.model, "folder of the model")->capture_default_str();
  app.add_option("--index", options.index, "file of the index")->capture_default_str();
  app.fallthrough();
  CLI::App* index = app.add_subcommand("index", "index the text files of a folder");
  index->add_option("folder", options.folder)->required();
  CLI::App* query = app.add_subcommand("query", "print the passages nearest to a question");
  query->add_option("question", options.question)->required();
  query->add_option("-k,--count", options.count, "so many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  CLI::App* embed = app.add_subcommand("embed", "print the vectors of the lines of a file");
  embed->add_option("file", options.sentences)->required();
  CLI::App* benchmark =
      app.add_subcommand("benchmark", "embed the lines of a file again and again");
  benchmark->add_option("file", options.sentences)->required();
  benchmark->add_option("--batch", options.batch, "lines at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  CLI11_PARSE(app, argc, argv);
  try {
    if (index->parsed()) build_index(options);
    if (query->parsed()) answer(options);
    if (embed->parsed()) print_vectors(options);
    if (benchmark->parsed()) measure(options);
  } catch (const std::exception& error) {
    std::cerr << "semantic_search: " << error.what() << '\n';
    return 1;
  }
  return 0;
}

}  // namespace

}  // namespace semantic_search

int main(int argc, char** argv) { return semantic_search::run(argc, argv); }
