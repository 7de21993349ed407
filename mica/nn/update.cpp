// Module's methods that take trees and files: each first matches all it is given with the module's
// members, and only then assigns.

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

#include "mica/io/io.h"
#include "mica/nn/edit_distance.h"
#include "mica/nn/module.h"
#include "mica/nn/walk.h"
#include "mica/ops/checks.h"

namespace mica::nn {

namespace {

using mica::detail::join_path;

[[noreturn]] void refuse(const char* op, const std::string& expected, const std::string& got) {
  throw std::invalid_argument(std::string(op) + ": expected " + expected + ", got " + got);
}

std::string place(const std::string& path) { return path.empty() ? "the top" : path; }

const Member* find(const Members& members, const std::string& key) {
  for (const Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}

std::string known_keys(const Members& members) {
  std::string text;
  for (const Member& member : members) text += (text.empty() ? "" : ", ") + member.key;
  return text.empty() ? "no keys" : "one of the keys " + text;
}

const char* kind_of(const Member& member) {
  return member.is_array()                     ? "an array"
         : member.kind == Member::Kind::list   ? "a list"
         : member.kind == Member::Kind::module ? "a dictionary (of a module)"
                                               : "a dictionary";
}

// Walks a tree beside the members of a module. Visitor: leaf(path, member, value) for each leaf,
// with the member that lies there.
template <class T, class Visitor>
class Matcher {
 public:
  Matcher(const char* op, const char* what, bool strict, Visitor& visitor)
      : op_(op), what_(what), strict_(strict), visitor_(visitor) {}

  void match(Module& module, const BasicTree<T>& tree, const std::string& path) {
    match(ModuleWalk::members(module), tree, path, &module);
  }

 private:
  // `owner` is null for a dictionary.
  void match(const Members& members, const BasicTree<T>& tree, const std::string& path,
             const Module* owner) {
    if (!tree.is_dict()) return reject("a dictionary", tree, path);
    for (const auto& [key, child] : tree.items()) {
      if (const Member* member = find(members, key))
        match(*member, child, join_path(path, key));
      else if (strict_)
        refuse(op_,
               known_keys(members) + " of " + (owner ? owner->type_name() : "a dictionary") +
                   (path.empty() ? "" : " (" + path + ")"),
               "'" + key + "'");
    }
  }

  void match(const Member& member, const BasicTree<T>& tree, const std::string& path) {
    if (tree.is_leaf()) return visitor_(path, member, tree.leaf());
    if (tree.empty()) return;
    if (member.is_module()) return match(*member.module, tree, path);
    if (member.kind == Member::Kind::dict) return match(member.items, tree, path, nullptr);
    if (member.is_array() || !tree.is_list()) return reject(kind_of(member), tree, path);
    const auto& elements = tree.elements();
    if (strict_ && elements.size() > member.items.size())
      refuse(op_, "at most " + std::to_string(member.items.size()) + " entries at " + place(path),
             std::to_string(elements.size()));
    for (size_t i = 0; i < std::min(elements.size(), member.items.size()); ++i)
      match(member.items[i], elements[i], join_path(path, std::to_string(i)));
  }

  void reject(const char* expected, const BasicTree<T>& tree, const std::string& path) {
    if (strict_)
      refuse(op_, std::string(expected) + " at " + place(path),
             tree.is_leaf() ? what_ : tree.kind());
  }

  const char* op_;
  const char* what_;
  bool strict_;
  Visitor& visitor_;
};

struct Parameter {
  array* value;
  bool again;  // in a further place of a shared module
};

using Parameters = std::vector<std::pair<std::string, Parameter>>;

void list_parameters(const Members& members, const std::string& prefix, bool again,
                     ModuleWalk::Seen& seen, Parameters& out) {
  for (const Member& member : members) {
    if (prefix.empty() && member.key.starts_with('_')) continue;
    const std::string path = join_path(prefix, member.key);
    if (member.is_array()) {
      out.push_back({path, {member.value, again}});
    } else if (member.is_module()) {
      const bool seen_before = again || !ModuleWalk::first_visit(member, seen);
      Members below = ModuleWalk::members(*member.module);
      std::erase_if(below, [](const Member& m) { return m.key.starts_with('_'); });
      list_parameters(below, path, seen_before, seen, out);
    } else {
      list_parameters(member.items, path, again, seen, out);
    }
  }
}

// Whether the file is an .npz archive, else it is a .safetensors file.
bool is_archive(const char* op, const std::string& file, const char* advice = "") {
  if (file.ends_with(".npz")) return true;
  if (file.ends_with(".safetensors")) return false;
  refuse(op, "a .safetensors or .npz file", "'" + file + "'" + advice);
}

}  // namespace

Module& Module::update(const Tree& parameters, bool strict) {
  std::vector<std::pair<array*, array>> assignments;
  auto assign = [&](const std::string& path, const Member& member, const array& value) {
    if (!member.is_array()) {
      if (strict) refuse("update", std::string(kind_of(member)) + " at " + path, "an array");
      return;
    }
    if (strict && value.shape() != member.value->shape())
      refuse("update", path + " of shape " + to_string(member.value->shape()),
             to_string(value.shape()));
    assignments.emplace_back(member.value, value);
  };
  Matcher<array, decltype(assign)>("update", "an array", strict, assign)
      .match(*this, parameters, "");
  for (auto& [target, value] : assignments) *target = std::move(value);
  return *this;
}

Module& Module::update_modules(const ModuleTree& modules, bool strict) {
  std::vector<std::pair<Member, std::unique_ptr<Module>>> replacements;
  auto replace = [&](const std::string& path, const Member& member, const ModuleRef& module) {
    if (!member.is_module()) {
      if (strict)
        refuse("update_modules", std::string(kind_of(member)) + " at " + path, "a module");
      return;
    }
    if (member.module == module.get()) return;
    if (!member.place)
      throw std::invalid_argument(
          "update_modules: " + path + " is a plain " + member.module->type_name() +
          " that can't be replaced; declare it as nn::Slot<" + member.module->type_name() + ">");
    member.place->check(module, path);
    // Copied before anything changes, since it may lie inside what another one replaces.
    auto copy = module.type()->copy(*module);
    replacements.emplace_back(member, std::move(copy));
    replacements.back().first.type = module.type();
  };
  Matcher<ModuleRef, decltype(replace)>("update_modules", "a module", strict, replace)
      .match(*this, modules, "");
  for (auto& [member, module] : replacements) member.place->replace(std::move(module), member.type);
  return *this;
}

Module& Module::load_weights(const std::vector<std::pair<std::string, array>>& weights,
                             bool strict) {
  constexpr const char* op = "load_weights";
  Parameters parameters;
  ModuleWalk::Seen seen;
  list_parameters(ModuleWalk::members(*this), "", false, seen, parameters);
  std::unordered_map<std::string_view, const array*> given;
  for (const auto& [name, value] : weights) given[name] = &value;

  std::vector<std::pair<array*, const array*>> assignments;
  std::vector<std::string> missing;
  for (const auto& [name, parameter] : parameters) {
    const auto entry = given.find(name);
    if (entry == given.end()) {
      if (!parameter.again) missing.push_back(name);
      continue;
    }
    const array& value = *entry->second;
    if (strict && value.shape() != parameter.value->shape())
      refuse(op, name + " of shape " + to_string(parameter.value->shape()),
             to_string(value.shape()));
    assignments.emplace_back(parameter.value, &value);
    given.erase(entry);
  }
  if (strict && !given.empty()) {
    std::vector<std::string> unknown;
    for (const auto& [name, value] : given) unknown.emplace_back(name);
    std::sort(unknown.begin(), unknown.end());
    refuse(op, "only parameters of " + type_name(), some_of(unknown, missing));
  }
  if (strict && !missing.empty())
    refuse(op, "all parameters of " + type_name(), "none named " + some_of(missing));
  for (auto& [target, value] : assignments) *target = *value;
  return *this;
}

Module& Module::load_weights(const std::string& file, bool strict) {
  const bool archive =
      is_archive("load_weights", file, "; nn::load_pytorch reads other files and folders");
  const auto arrays = archive ? load_npz(file) : load_safetensors(file).first;
  const std::vector<std::pair<std::string, array>> weights(arrays.begin(), arrays.end());
  try {
    return load_weights(weights, strict);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(file + ": " + error.what());
  }
}

void Module::save_weights(const std::string& file) const {
  const bool archive = is_archive("save_weights", file);
  std::unordered_map<std::string, array> arrays;
  for (auto& [name, value] : tree_flatten(parameters())) arrays.emplace(name, value);
  if (archive) {
    save_npz(file, arrays);
  } else {
    save_safetensors(file, std::move(arrays));
  }
}

}  // namespace mica::nn
