// What a module consists of, as Module's methods see it: its members, where they lie, and how to
// copy, call and replace them. Users meet MICA_MODULE, and Member in filters.
#pragma once

#include <array>
#include <concepts>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica::nn {

class Module;
class ModuleRef;

// How a module is copied and called, kept where its type is known.
struct ModuleType {
  std::unique_ptr<Module> (*copy)(const Module&);
  array (*call)(Module&, const array&);  // null where it does not map an array to an array
};

// A place whose module can be exchanged: a Slot, or an entry of a Sequential.
class Replaceable {
 public:
  virtual ~Replaceable() = default;
  // Throws std::invalid_argument, naming the path, where the module can't go here.
  virtual void check(const ModuleRef& module, const std::string& path) const = 0;
  virtual void replace(std::unique_ptr<Module> module, const ModuleType* type) = 0;
};

namespace detail {
struct SharedBox;
}

// An array, a module, or a list or dictionary of members, seen in its place inside a module.
struct Member {
  enum class Kind { array, module, list, dict };

  std::string key;  // decimal index in a list
  Kind kind = Kind::list;
  mica::array* value = nullptr;            // of an array
  Module* module = nullptr;                // of a module...
  const ModuleType* type = nullptr;        // ...its type,
  Replaceable* place = nullptr;            // the slot it lies in, null for a plain member,
  std::shared_ptr<detail::SharedBox> box;  // and where it lies if others may be the same module
  std::vector<Member> items;               // of a list or a dictionary

  bool is_array() const { return kind == Kind::array; }
  bool is_module() const { return kind == Kind::module; }
  bool is_container() const { return kind == Kind::list || kind == Kind::dict; }
};
using Members = std::vector<Member>;

namespace detail {

template <class M>
std::unique_ptr<Module> copy_module(const Module& module) {
  return std::make_unique<M>(static_cast<const M&>(module));
}

template <class M>
array call_module(Module& module, const array& x) {
  return static_cast<M&>(module)(x);
}

template <class M>
constexpr ModuleType make_module_type() {
  ModuleType type{nullptr, nullptr};
  if constexpr (std::copy_constructible<M>) type.copy = &copy_module<M>;
  if constexpr (std::is_invocable_r_v<array, M&, const array&>) type.call = &call_module<M>;
  return type;
}
template <class M>
inline constexpr ModuleType module_type = make_module_type<M>();

template <class T>
struct Keyed {
  T& value;
  const char* key;
};
template <class T>
Keyed<T> keyed(T& value, const char* key) {
  return {value, key};
}

// The names in the text of MICA_MODULE's arguments.
std::vector<std::string> member_names(std::string_view text);

// Types that add themselves to a list of members: slots.
template <class T>
concept AddsItself = requires(T& t, Members& members) {
  t.add_to(members, std::string());
};

template <class T>
struct Container {
  static constexpr bool optional = false, list = false, map = false;
};
template <class T>
struct Container<std::optional<T>> {
  static constexpr bool optional = true, list = false, map = false;
};
template <class T, class A>
struct Container<std::vector<T, A>> {
  static constexpr bool optional = false, list = true, map = false;
};
template <class T, size_t n>
struct Container<std::array<T, n>> {
  static constexpr bool optional = false, list = true, map = false;
};
template <class T, class C, class A>
struct Container<std::map<std::string, T, C, A>> {
  static constexpr bool optional = false, list = false, map = true;
};

// Stands for an empty std::optional in a list, so that the others keep their indices.
Member absent_item(size_t index);

Member& add_module(Members& members, std::string key, Module& module, const ModuleType* type);

template <class T>
void add_member(Members& members, std::string key, T& value) {
  if constexpr (std::is_same_v<T, array>) {
    Member& member = members.emplace_back();
    member.key = std::move(key);
    member.kind = Member::Kind::array;
    member.value = &value;
  } else if constexpr (std::is_base_of_v<Module, T>) {
    add_module(members, std::move(key), value, &module_type<T>);
  } else if constexpr (AddsItself<T>) {
    value.add_to(members, std::move(key));
  } else if constexpr (Container<T>::optional) {
    if (value) add_member(members, std::move(key), *value);
  } else if constexpr (Container<T>::list) {
    Member member;
    member.key = std::move(key);
    size_t i = 0;
    for (auto& item : value) {
      add_member(member.items, std::to_string(i++), item);
      if (member.items.size() < i) member.items.push_back(absent_item(i - 1));
    }
    members.push_back(std::move(member));
  } else {
    static_assert(Container<T>::map,
                  "MICA_MODULE takes arrays, modules, nn::Slot, nn::Shared, and std::optional, "
                  "std::vector, std::array and std::map<std::string, ...> of them");
    Member member;
    member.key = std::move(key);
    member.kind = Member::Kind::dict;
    for (auto& [name, item] : value) add_member(member.items, name, item);
    members.push_back(std::move(member));
  }
}

template <class T>
void add_named(Members& members, const std::string&, Keyed<T> member) {
  add_member(members, member.key, member.value);
}
template <class T>
void add_named(Members& members, const std::string& name, T& member) {
  add_member(members, name, member);
}

template <class... T>
void add_members(Members& members, const std::vector<std::string>& names, T&&... values) {
  [[maybe_unused]] size_t i = 0;
  members.reserve(members.size() + sizeof...(T));
  (add_named(members, names[i++], std::forward<T>(values)), ...);
}

}  // namespace detail
}  // namespace mica::nn

// Lists a module's parameters and children, below their declarations, once: each an array, a
// module, an nn::Slot or an nn::Shared, or a std::optional, std::vector, std::array or
// std::map<std::string, ...> of these, nested at will. Those of the base class come first.
#define MICA_MODULE(Type, ...)                                                                    \
  using MicaParent = typename Type::MicaSelf;                                                     \
  using MicaSelf [[maybe_unused]] = Type;                                                         \
  void list_members([[maybe_unused]] ::mica::nn::Members& members) override {                     \
    MicaParent::list_members(members);                                                            \
    static const std::vector<std::string> names = ::mica::nn::detail::member_names(#__VA_ARGS__); \
    ::mica::nn::detail::add_members(members, names __VA_OPT__(, ) __VA_ARGS__);                   \
  }

// In MICA_MODULE: a member under another name in parameters() and files.
#define MICA_KEY(member, key) ::mica::nn::detail::keyed(member, key)
