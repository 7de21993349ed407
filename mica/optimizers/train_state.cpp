#include "mica/optimizers/train_state.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/io/io.h"
#include "mica/ops/checks.h"
#include "mica/transforms/random_state.h"

namespace mica {

namespace {

// What the names in the file begin with, and the two arrays that are alone.
constexpr const char* model_prefix = "model.";
constexpr const char* optimizer_prefix = "optimizer.";
constexpr const char* random_name = "random";
constexpr const char* position_name = "position";

constexpr const char* kind_key = "kind";
constexpr const char* kind = "mica training state 1";

using Entries = std::vector<std::pair<std::string, array>>;

class File {
 public:
  explicit File(const std::string& file) : file_(file) {
    auto [arrays, metadata] = load_safetensors(file);
    if (const auto found = metadata.find(kind_key);
        found == metadata.end() || found->second != kind)
      fail(std::string("'") + kind + "'",
           found == metadata.end() ? "another kind of file" : "'" + found->second + "'");
    arrays_.insert(arrays.begin(), arrays.end());
  }

  // The array of that name, which must be like `expected`.
  array take(const std::string& name, const array& expected) {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) fail(name, "none");
    array value = found->second;
    if (value.shape() != expected.shape() || value.dtype() != expected.dtype()) {
      const auto text = [](const array& a) {
        return to_string(a.shape()) + " of " + dtype_name(a.dtype());
      };
      fail(name + " " + text(expected), text(value));
    }
    arrays_.erase(found);
    return value;
  }
  // All whose names begin with the prefix, without it.
  Entries take_all(const std::string& prefix) {
    Entries entries;
    for (auto it = arrays_.begin(); it != arrays_.end();) {
      if (!it->first.starts_with(prefix)) {
        ++it;
        continue;
      }
      entries.emplace_back(it->first.substr(prefix.size()), it->second);
      it = arrays_.erase(it);
    }
    return entries;
  }
  void expect_empty() const {
    if (!arrays_.empty()) fail("nothing else", arrays_.begin()->first);
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw std::invalid_argument(
        fmt::format("TrainState ({}): expected {}, got {}", file_, expected, got));
  }

 private:
  std::string file_;
  std::map<std::string, array> arrays_;
};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('.')); }

// The optimizer's state, of which there is that of all parameters that it trains, but for one that
// has made no step, and nothing else of these.
Entries take_optimizer_state(File& file, const Tree& expected, const Tree& trained) {
  std::map<std::string, array> wanted;
  for (auto& [name, value] : tree_flatten(expected)) wanted.emplace(name, value);
  std::set<std::string> trained_paths;
  for (const auto& [path, value] : tree_flatten(trained)) trained_paths.insert(path);

  Entries entries = file.take_all(optimizer_prefix);
  bool any_parameter = false;
  for (const auto& [name, value] : entries) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) {
      if (trained_paths.contains(parent_of(name)))
        file.fail("the state of such an optimizer", "a " + name);
      continue;
    }
    if (value.shape() != found->second.shape() || value.dtype() != found->second.dtype())
      file.fail(optimizer_prefix + name + " " + to_string(found->second.shape()) + " of " +
                    dtype_name(found->second.dtype()),
                to_string(value.shape()) + " of " + dtype_name(value.dtype()));
    any_parameter = any_parameter || name.find('.') != std::string::npos;
    wanted.erase(found);
  }
  for (const auto& [name, value] : wanted) {
    if (any_parameter || name.find('.') == std::string::npos)
      file.fail(optimizer_prefix + name, "none");
  }
  return entries;
}

}  // namespace

void TrainState::save(const std::string& file) const {
  std::unordered_map<std::string, array> arrays;
  for (const auto& [name, value] : tree_flatten(model_.state(), "model")) {
    arrays.emplace(name, value);
  }
  for (const auto& [name, value] : tree_flatten(optimizer_.state(), "optimizer")) {
    arrays.emplace(name, value);
  }
  arrays.emplace(random_name, detail::random_state());
  arrays.emplace(position_name, array(position));
  save_safetensors(file, std::move(arrays), {{kind_key, kind}});
}

void TrainState::load(const std::string& path) {
  File file(path);
  Entries model;
  for (const auto& [name, value] : tree_flatten(model_.state())) {
    model.emplace_back(name, file.take(model_prefix + name, value));
  }
  const array random = file.take(random_name, detail::random_state());
  const array data_position = file.take(position_name, array(uint64_t{0}));

  const Tree trained = model_.trainable_parameters();
  const Tree before = optimizer_.state();
  optimizer_.init(trained);
  try {
    const Entries optimizer = take_optimizer_state(file, optimizer_.state(), trained);
    file.expect_empty();
    optimizer_.set_state(tree_unflatten(optimizer));
  } catch (...) {
    optimizer_.set_state(before);
    throw;
  }
  model_.update(tree_unflatten(model), false);
  detail::set_random_state(random);
  position = data_position.item<uint64_t>();
}

}  // namespace mica
