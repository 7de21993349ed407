#include "mica/nn/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <thread>
#include <typeinfo>
#include <unordered_set>

#include "mica/engine/node.h"
#include "mica/nn/slot.h"
#include "mica/nn/walk.h"
#include "mica/ops/ops.h"

namespace mica::nn {

namespace detail {

std::vector<std::string> member_names(std::string_view text) {
  std::vector<std::string> names;
  int depth = 0;
  std::string name;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0)
      names.push_back(std::exchange(name, {}));
    else if (c != ' ')
      name += c;
  }
  if (!name.empty()) names.push_back(std::move(name));
  return names;
}

Member absent_item(size_t index) {
  Member member;
  member.key = std::to_string(index);
  member.kind = Member::Kind::dict;
  return member;
}

Member& add_module(Members& members, std::string key, Module& module, const ModuleType* type) {
  Member& member = members.emplace_back();
  member.key = std::move(key);
  member.kind = Member::Kind::module;
  member.module = &module;
  member.type = type;
  return member;
}

void rethrow_from(const Module& module) {
  try {
    throw;
  } catch (const std::invalid_argument& error) {
    if (typeid(error) != typeid(std::invalid_argument)) throw;
    throw ModuleError(module.where() + ": " + error.what());
  }
}

std::string readable_type(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  const std::string_view text = status == 0 ? demangled.get() : mangled;
  // The last name outside of template arguments and of the function that a local type is in.
  size_t begin = 0, end = text.size();
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (depth == 0 && c == ':') {
      begin = i + 1;
      end = text.size();
    }
    if (depth == 0 && c == '<') end = i;
    if (c == '<' || c == '(' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
  }
  return std::string(text.substr(begin, end - begin));
}

}  // namespace detail

std::string Module::Path::get() const {
  while (busy_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  std::string text = text_;
  busy_.clear(std::memory_order_release);
  return text;
}

void Module::Path::set(const std::string& path) {
  while (busy_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  if (text_ != path) text_ = path;
  busy_.clear(std::memory_order_release);
}

Module::Module(const Module& other)
    : frozen_(other.frozen_), never_trained_(other.never_trained_), training_(other.training_) {
  detail::announce_copies(other);
}

Module::Module(Module&& other) noexcept
    : frozen_(std::move(other.frozen_)),
      never_trained_(std::move(other.never_trained_)),
      hooks_(std::move(other.hooks_)),
      training_(other.training_) {}

Module& Module::operator=(const Module& other) {
  if (this == &other) return *this;
  frozen_ = other.frozen_;
  never_trained_ = other.never_trained_;
  training_ = other.training_;
  detail::announce_copies(other);
  return *this;
}

Module& Module::operator=(Module&& other) noexcept {
  frozen_ = std::move(other.frozen_);
  never_trained_ = std::move(other.never_trained_);
  hooks_ = std::move(other.hooks_);
  training_ = other.training_;
  return *this;
}

void Module::list_members(Members&) {}

std::string Module::type_name() const { return detail::readable_type(typeid(*this).name()); }

std::string Module::where() const {
  const std::string path = path_.get();
  return path.empty() ? type_name() : type_name() + " (" + path + ")";
}

void Module::fail(const std::string& expected, const std::string& got) const {
  fail_as(where(), expected, got);
}

void Module::fail_as(const std::string& type, const std::string& expected, const std::string& got) {
  throw ModuleError(type + ": expected " + expected + ", got " + got);
}

ForwardHookHandle Module::register_forward_hook(ForwardHook hook) {
  std::erase_if(hooks_, [](const auto& registered) { return registered.expired(); });
  auto owned = std::make_shared<const ForwardHook>(std::move(hook));
  hooks_.push_back(owned);
  return ForwardHookHandle(std::move(owned));
}

void Module::call_hooks(const std::vector<array>& inputs, const std::vector<array>& outputs) const {
  for (const auto& registered : hooks_)
    if (const auto hook = registered.lock()) (*hook)({*this, inputs, outputs});
}

void Module::never_train(std::vector<std::string> keys) {
  frozen_.insert(frozen_.end(), keys.begin(), keys.end());
  never_trained_.insert(never_trained_.end(), keys.begin(), keys.end());
}

Members ModuleWalk::members(const Module& module) {
  Members members;
  // Members are listed for reading and for writing by one function; who has a const module reads.
  const_cast<Module&>(module).list_members(members);
  set_paths(members, module.path_.get());
  return members;
}

void ModuleWalk::set_paths(const Members& members, const std::string& path) {
  for (const Member& member : members) {
    const std::string child = mica::detail::join_path(path, member.key);
    if (member.is_module()) member.module->path_.set(child);
    if (member.is_container()) set_paths(member.items, child);
  }
}

bool ModuleWalk::first_visit(const Member& member, Seen& seen) {
  return !member.box || seen.insert(member.box.get()).second;
}

std::vector<array*> ModuleWalk::arrays(const Module& module) {
  std::vector<array*> out;
  Seen seen;
  auto add = [&](const auto& self, const Members& members) -> void {
    for (const Member& member : members) {
      if (member.is_array())
        out.push_back(member.value);
      else if (member.is_container())
        self(self, member.items);
      else if (first_visit(member, seen))
        self(self, ModuleWalk::members(*member.module));
    }
  };
  add(add, members(module));
  return out;
}

std::vector<array> ModuleWalk::placeholders_like(const std::vector<array>& arrays) {
  std::vector<array> placeholders;
  placeholders.reserve(arrays.size());
  for (const array& a : arrays) {
    placeholders.push_back(engine::make_placeholder(a.shape(), a.dtype(), to_stream({})));
  }
  return placeholders;
}

void ModuleWalk::put_placeholders(const Module& module) {
  for (array* a : arrays(module)) *a = placeholders_like({*a})[0];
}

namespace {

// Builds the tree that Module::filter_and_map returns.
class Selection {
 public:
  Selection(const Module::Filter& filter, const Module::Map& map) : filter_(filter), map_(map) {}

  Tree of(const Module& module) {
    Tree out;
    for (const Member& member : ModuleWalk::members(module))
      if (filter_(module, member.key, member) && ModuleWalk::first_visit(member, seen_))
        out.items().emplace_back(member.key, of(module, member.key, member));
    return out;
  }

 private:
  // key: from the owner to the member.
  Tree of(const Module& owner, const std::string& key, const Member& member) {
    switch (member.kind) {
      case Member::Kind::array:
        return map_ ? map_(*member.value) : *member.value;
      case Member::Kind::module:
        return of(*member.module);
      default: {
        const bool list = member.kind == Member::Kind::list;
        Tree out = list ? Tree::list() : Tree();
        for (const Member& item : member.items) {
          const std::string item_key = key + "." + item.key;
          const bool wanted =
              filter_(owner, item_key, item) && ModuleWalk::first_visit(item, seen_);
          Tree child = wanted ? of(owner, item_key, item) : Tree();
          if (list)
            out.push_back(std::move(child));
          else
            out.items().emplace_back(item.key, std::move(child));
        }
        return out;
      }
    }
  }

  const Module::Filter& filter_;
  const Module::Map& map_;
  ModuleWalk::Seen seen_;
};

// The modules in a list or dictionary, or below a module; leaf decides where to stop.
template <class IsLeafModule>
ModuleTree module_tree(const Member& member, const IsLeafModule& leaf) {
  if (member.is_module()) {
    if (leaf(*member.module)) return ModuleTree(ModuleRef::view(*member.module, member.type));
    ModuleTree out;
    for (const Member& child : ModuleWalk::members(*member.module))
      if (!child.is_array()) out.items().emplace_back(child.key, module_tree(child, leaf));
    return out;
  }
  if (member.is_array()) return {};
  ModuleTree out = member.kind == Member::Kind::list ? ModuleTree::list() : ModuleTree();
  for (const Member& item : member.items) {
    if (out.is_list())
      out.push_back(module_tree(item, leaf));
    else
      out.items().emplace_back(item.key, module_tree(item, leaf));
  }
  return out;
}

void flatten_modules(const Members& members, const std::string& prefix,
                     std::vector<std::pair<std::string, const Member*>>& out) {
  for (const Member& member : members) {
    const std::string path = mica::detail::join_path(prefix, member.key);
    if (member.is_module()) out.emplace_back(path, &member);
    if (member.is_container()) flatten_modules(member.items, path, out);
  }
}

// Module and path of this module and all below it, each module before those in it, the last child
// first.
template <class F>
void walk_modules(Module& root, const F& function) {
  std::vector<std::pair<std::string, ModuleRef>> stack{{"", ModuleRef::view(root, nullptr)}};
  ModuleWalk::Seen seen;
  while (!stack.empty()) {
    const auto [path, module] = std::move(stack.back());
    stack.pop_back();
    function(path, module);
    const Members members = ModuleWalk::members(*module);
    std::vector<std::pair<std::string, const Member*>> children;
    flatten_modules(members, path, children);
    for (const auto& [child_path, member] : children)
      if (ModuleWalk::first_visit(*member, seen))
        stack.emplace_back(child_path, ModuleRef::view(*member->module, member->type));
  }
}

bool contains(const std::vector<std::string>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Keys, from the module, of the arrays that are its own.
void own_arrays(const Members& members, const std::string& prefix, std::vector<std::string>& out) {
  for (const Member& member : members) {
    const std::string key = mica::detail::join_path(prefix, member.key);
    if (member.is_array()) out.push_back(key);
    if (member.is_container()) own_arrays(member.items, key, out);
  }
}

void check_keys(const char* op, Module& module, const FreezeOptions& options) {
  if (!options.strict) return;
  for (const std::string& key : options.keys) {
    bool found = false;
    auto look = [&](const std::string&, const ModuleRef& m) {
      for (const Member& member : ModuleWalk::members(*m)) found = found || member.key == key;
    };
    if (options.recurse)
      walk_modules(module, look);
    else
      look("", ModuleRef::view(module, nullptr));
    if (!found)
      throw std::invalid_argument(std::string(op) + ": expected keys of members of " +
                                  module.where() + ", got '" + key + "'");
  }
}

void print(std::ostream& os, const Module& module, const std::string& indent) {
  os << module.type_name() << '(' << module.extra_repr();
  const Members members = ModuleWalk::members(module);
  std::vector<std::pair<std::string, const Member*>> children;
  flatten_modules(members, "", children);
  for (const auto& [path, member] : children) {
    os << '\n' << indent << "  (" << path << "): ";
    print(os, *member->module, indent + "  ");
  }
  if (!children.empty()) os << '\n' << indent;
  os << ')';
}

}  // namespace

Tree Module::filter_and_map(const Filter& filter, const Map& map) const {
  return Selection(filter, map).of(*this);
}

Tree Module::parameters() const { return filter_and_map(valid_parameter_filter); }

Tree Module::trainable_parameters() const { return filter_and_map(trainable_parameter_filter); }

Tree Module::state() const {
  return filter_and_map([](const Module&, const std::string&, const Member&) { return true; });
}

ModuleTree Module::children() {
  ModuleTree out;
  for (const Member& member : ModuleWalk::members(*this))
    if (!member.is_array())
      out.items().emplace_back(member.key, module_tree(member, [](Module&) { return true; }));
  return out;
}

ModuleTree Module::leaf_modules() {
  auto has_no_children = [](Module& module) {
    const Members members = ModuleWalk::members(module);
    std::vector<std::pair<std::string, const Member*>> children;
    flatten_modules(members, "", children);
    return children.empty();
  };
  ModuleTree out;
  for (const Member& member : ModuleWalk::members(*this))
    if (!member.is_array())
      out.items().emplace_back(member.key, module_tree(member, has_no_children));
  return out;
}

std::vector<ModuleRef> Module::modules() {
  std::vector<ModuleRef> out;
  walk_modules(*this, [&](const std::string&, const ModuleRef& module) { out.push_back(module); });
  return out;
}

std::vector<std::pair<std::string, ModuleRef>> Module::named_modules() {
  std::vector<std::pair<std::string, ModuleRef>> out;
  walk_modules(*this, [&](const std::string& path, const ModuleRef& module) {
    out.emplace_back(path, module);
  });
  return out;
}

Module& Module::apply(const Map& map, const Filter& filter) {
  return update(filter_and_map(filter ? filter : Filter(valid_parameter_filter), map), false);
}

Module& Module::apply_to_modules(const std::function<void(const std::string&, Module&)>& function) {
  walk_modules(*this, [&](const std::string& path, const ModuleRef& m) { function(path, *m); });
  return *this;
}

Module& Module::freeze(const FreezeOptions& options) {
  check_keys("freeze", *this, options);
  auto freeze_one = [&](const std::string&, const ModuleRef& module) {
    std::vector<std::string> keys = options.keys;
    if (keys.empty()) own_arrays(ModuleWalk::members(*module), "", keys);
    for (std::string& key : keys)
      if (!contains(module->frozen_, key)) module->frozen_.push_back(std::move(key));
  };
  if (options.recurse)
    walk_modules(*this, freeze_one);
  else
    freeze_one("", ModuleRef::view(*this, nullptr));
  return *this;
}

Module& Module::unfreeze(const FreezeOptions& options) {
  check_keys("unfreeze", *this, options);
  auto unfreeze_one = [&](const std::string&, const ModuleRef& module) {
    std::erase_if(module->frozen_, [&](const std::string& key) {
      return (options.keys.empty() || contains(options.keys, key)) &&
             !contains(module->never_trained_, key);
    });
  };
  if (options.recurse)
    walk_modules(*this, unfreeze_one);
  else
    unfreeze_one("", ModuleRef::view(*this, nullptr));
  return *this;
}

Module& Module::train(bool mode) {
  walk_modules(*this, [&](const std::string&, const ModuleRef& module) {
    module->training_ = mode;
    module->training_changed();
  });
  return *this;
}

Module& Module::set_dtype(Dtype dtype, const std::function<bool(Dtype)>& predicate) {
  return apply([&](const array& a) {
    const bool wanted = predicate ? predicate(a.dtype()) : issubdtype(a.dtype(), floating);
    return wanted ? astype(a, dtype) : a;
  });
}

bool Module::valid_child_filter(const Module&, const std::string&, const Member& member) {
  return !member.is_array();
}

bool Module::valid_parameter_filter(const Module&, const std::string& key, const Member&) {
  return !key.starts_with('_');
}

bool Module::trainable_parameter_filter(const Module& module, const std::string& key,
                                        const Member& member) {
  return valid_parameter_filter(module, key, member) && !contains(module.frozen_, key);
}

void ModuleWalk::add_flags(std::string& flags, Module& module) {
  walk_modules(module, [&](const std::string&, const ModuleRef& m) {
    flags += m->training_ ? 't' : 'e';
    for (const std::string& key : m->frozen_) flags.append(key).append(",");
    flags += ';';
  });
}

std::ostream& operator<<(std::ostream& os, const Module& module) {
  print(os, module, "");
  return os;
}

void collect_arrays(std::vector<array>& out, const Module& module) {
  mica::collect_arrays(out, module.state());
}

}  // namespace mica::nn
