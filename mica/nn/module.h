// Neural networks: modules, their parameters, and layers built of them. This folder holds Module,
// the trees it returns (tree.h), the layers (one file a family), losses, initialisers, and
// value_and_grad. Names, arguments, defaults and the order of random draws are mlx.nn's.
//
// A module is a struct of arrays and modules with a call operator:
//
//   struct Block : nn::Module {
//     nn::Linear up, down;
//     MICA_MODULE(Block, up, down)
//     explicit Block(int dims) : up(dims, 4 * dims), down(4 * dims, dims) {}
//     array operator()(const array& x) const { return down(nn::relu(up(x))); }
//   };
//
// It is a value: a copy has the same arrays, and later changes to one don't show in the other.
#pragma once

#include <atomic>
#include <concepts>
#include <functional>
#include <iosfwd>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/nn/member.h"
#include "mica/nn/tree.h"

namespace mica::nn {

using ModuleTree = BasicTree<ModuleRef>;

struct FreezeOptions {
  bool recurse = true;                 // into children
  std::vector<std::string> keys = {};  // of parameters and of children; none means all parameters
  bool strict = false;                 // keys must exist
};

// One call of a module, as its forward hooks see it: what went in and what comes out, not yet
// computed.
struct ForwardCall {
  const Module& module;
  const std::vector<array>& inputs;
  const std::vector<array>& outputs;
};
using ForwardHook = std::function<void(const ForwardCall&)>;

// Keeps a forward hook registered while it lives.
class ForwardHookHandle {
 public:
  void remove() { hook_.reset(); }

 private:
  friend class Module;
  explicit ForwardHookHandle(std::shared_ptr<const ForwardHook> hook) : hook_(std::move(hook)) {}
  std::shared_ptr<const ForwardHook> hook_;
};

// What is thrown below a module: what() begins with the module's where(). Inside
// nn::value_and_grad it ends in the line of the program that asked for it.
class ModuleError : public std::invalid_argument {
 public:
  explicit ModuleError(const std::string& text, bool names_line = false)
      : std::invalid_argument(text), names_line_(names_line) {}
  bool names_line() const { return names_line_; }

 private:
  bool names_line_;
};

namespace detail {
// In a handler around a call of the module: throws the std::invalid_argument again, as a
// ModuleError that names the module unless one below has; subclasses as they are.
[[noreturn]] void rethrow_from(const Module& module);
}  // namespace detail

class Module {
 public:
  using MicaSelf = Module;

  Module() = default;
  Module(const Module& other);
  Module(Module&& other) noexcept;
  Module& operator=(const Module& other);
  Module& operator=(Module&& other) noexcept;
  virtual ~Module() = default;

  // Written by MICA_MODULE.
  virtual void list_members(Members& members) = 0;
  // The text between the parentheses when the module is printed.
  virtual std::string extra_repr() const { return ""; }
  // The name of the struct.
  virtual std::string type_name() const;

  // Parameters, as dictionaries (modules, maps) and lists (vectors); a shared module's appear in
  // the first of its places.
  Tree parameters() const;
  // Those that are not frozen; a frozen child is left out.
  Tree trainable_parameters() const;
  // Every array, also those whose key starts with "_".
  Tree state() const;

  // The modules among the members, seen in their place; and all the way down those that have no
  // modules below them.
  ModuleTree children();
  ModuleTree leaf_modules();
  // This module and all below it with their paths ("layers.0"), "" for this one, in mlx.nn's order.
  std::vector<ModuleRef> modules();
  std::vector<std::pair<std::string, ModuleRef>> named_modules();

  // Everything that changes a module first checks all it is given, throws std::invalid_argument
  // and leaves the module as it was where something is wrong. All return the module.

  // Takes the arrays of the tree, which need not hold all parameters. strict: every path must be
  // a parameter's, and have its shape.
  Module& update(const Tree& parameters, bool strict = true);
  // Replaces each array that the filter (valid_parameter_filter if empty) lets through by map(it).
  using Filter = std::function<bool(const Module& module, const std::string& key, const Member&)>;
  using Map = std::function<array(const array&)>;
  Module& apply(const Map& map, const Filter& filter = {});
  // The arrays that the filter lets through, mapped. Below the members of a module, in lists and
  // dictionaries, the filter sees keys like "layers.0".
  Tree filter_and_map(const Filter& filter, const Map& map = {}) const;

  // Replaces modules in slots. strict: every path must be a module's. A plain member can't be
  // replaced: that throws, unless the tree holds the very module that is there.
  Module& update_modules(const ModuleTree& modules, bool strict = true);
  // Calls function(path, module) for this module and all below it, in mlx.nn's order.
  Module& apply_to_modules(const std::function<void(const std::string&, Module&)>& function);

  // Frozen parameters are not in trainable_parameters(). unfreeze() leaves those frozen that are
  // never trained, as BatchNorm's statistics.
  Module& freeze(const FreezeOptions& options = {});
  Module& unfreeze(const FreezeOptions& options = {});

  Module& train(bool mode = true);
  Module& eval() { return train(false); }
  bool training() const { return training_; }

  // Casts the parameters for whose dtype the predicate holds (floating ones if empty).
  Module& set_dtype(Dtype dtype, const std::function<bool(Dtype)>& predicate = {});

  // A .safetensors or .npz file, or names and arrays. strict: they must be exactly the parameters,
  // with their shapes; else others are ignored.
  Module& load_weights(const std::string& file, bool strict = true);
  Module& load_weights(const std::vector<std::pair<std::string, array>>& weights,
                       bool strict = true);
  void save_weights(const std::string& file) const;

  // Calls the hook whenever this module is called, while the handle lives. Copies of the module
  // have no hooks. A user's module calls its hooks where its call operator ends in `return
  // hooked(y, x);`, or is `return hooked([&] { ...; return y; }, x);`.
  [[nodiscard]] ForwardHookHandle register_forward_hook(ForwardHook hook);

  static bool valid_child_filter(const Module&, const std::string& key, const Member& member);
  static bool valid_parameter_filter(const Module&, const std::string& key, const Member& member);
  static bool trainable_parameter_filter(const Module& module, const std::string& key,
                                         const Member& member);

  // "Linear (layers.1)", or "Linear" while the path is not known: it is once the model has been
  // walked, as parameters() does, and copies don't know it.
  std::string where() const;

 protected:
  // Called when train() or eval() has set the mode.
  virtual void training_changed() {}
  // Keys of arrays that are state, not trained: frozen, and left so by unfreeze().
  void never_train(std::vector<std::string> keys);
  // Returns what a call returns, after the forward hooks have seen it.
  template <class... Inputs>
  array hooked(array output, const Inputs&... inputs) const {
    note_call();
    if (!hooks_.empty()) call_hooks({inputs...}, {output});
    return output;
  }
  // The same of what the body returns, whose errors name the module. (Those of modules in slots
  // and containers do in any case.)
  template <std::invocable Body, class... Inputs>
  array hooked(const Body& body, const Inputs&... inputs) const {
    try {
      return hooked(array(body()), inputs...);
    } catch (const std::invalid_argument&) {
      detail::rethrow_from(*this);
    }
  }
  void call_hooks(const std::vector<array>& inputs, const std::vector<array>& outputs) const;
  bool has_hooks() const { return !hooks_.empty(); }
  // Tells the innermost detail::CallWatch of this thread that the module has been called.
  void note_call() const;
  // Throws ModuleError "Linear (layers.1): expected input (..., 128), got (32, 64)".
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const;
  // The same for constructors of base classes, where the layer's own type is not known yet.
  [[noreturn]] static void fail_as(const std::string& type, const std::string& expected,
                                   const std::string& got);

 private:
  friend struct ModuleWalk;

  // Set by walks, which may run on several threads.
  class Path {
   public:
    std::string get() const;
    void set(const std::string& path);

   private:
    mutable std::atomic_flag busy_;
    std::string text_;
  };

  mutable Path path_;
  std::vector<std::string> frozen_;
  std::vector<std::string> never_trained_;
  std::vector<std::weak_ptr<const ForwardHook>> hooks_;
  bool training_ = true;
};

// A module in a tree of modules: one seen in its place inside a model, or a new one to put there.
class ModuleRef {
 public:
  template <class M>
  requires std::derived_from<std::remove_cvref_t<M>, Module> ModuleRef(M&& module)
      : owner_(std::make_shared<std::remove_cvref_t<M>>(std::forward<M>(module))),
        module_(owner_.get()),
        type_(&detail::module_type<std::remove_cvref_t<M>>) {}
  // type: null where it is not known, then the module can't be copied.
  static ModuleRef view(Module& module, const ModuleType* type) { return {&module, type}; }

  Module& operator*() const { return *module_; }
  Module* operator->() const { return module_; }
  Module* get() const { return module_; }
  // The module as an M, null where it is none.
  template <class M>
  M* as() const {
    return dynamic_cast<M*>(module_);
  }
  const ModuleType* type() const { return type_; }

 private:
  ModuleRef(Module* module, const ModuleType* type) : module_(module), type_(type) {}

  std::shared_ptr<Module> owner_;  // null for a view
  Module* module_;
  const ModuleType* type_;
};

// Prints as mlx.nn does.
std::ostream& operator<<(std::ostream& os, const Module& module);
inline std::ostream& operator<<(std::ostream& os, const ModuleRef& module) { return os << *module; }

// For eval and compile: every array of the module.
void collect_arrays(std::vector<array>& out, const Module& module);

}  // namespace mica::nn
