// Slots: children that can be replaced by others, and modules used in two places.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "mica/nn/module.h"

namespace mica::nn {

namespace detail {

template <class T>
struct OptionsOf {
  struct None {
    None() = delete;
  };
  using type = None;
};
template <class T>
requires requires { typename T::Options; }
struct OptionsOf<T> {
  using type = typename T::Options;
};

// Throws where the module is no T ("a Linear") or can't be copied.
void check_replacement(const ModuleRef& module, bool fits, const std::string& path,
                       const char* type);
std::string readable_type(const char* mangled);

}  // namespace detail

// A child that can be replaced by a T or any subclass of T. It is constructed and called like a T,
// and slot->member reaches into it; copying a slot copies the module with its dynamic type. What T
// calls must be virtual for a subclass to change it.
template <class T>
class Slot : public Replaceable {
 public:
  using Options = typename detail::OptionsOf<T>::type;

  template <class D>
  requires std::derived_from<std::remove_cvref_t<D>, T> Slot(D&& module) {
    set(std::make_unique<std::remove_cvref_t<D>>(std::forward<D>(module)),
        &detail::module_type<std::remove_cvref_t<D>>);
  }
  template <class... A>
  requires(std::constructible_from<T, A...> &&
           !(sizeof...(A) == 1 && (std::derived_from<std::remove_cvref_t<A>, T> && ...)))
      Slot(A&&... args)
      : Slot(T(std::forward<A>(args)...)) {}
  template <class A>
  requires std::constructible_from<T, A, Options> Slot(A&& a, Options options)
      : Slot(T(std::forward<A>(a), std::move(options))) {}
  template <class A, class B>
  requires std::constructible_from<T, A, B, Options> Slot(A&& a, B&& b, Options options)
      : Slot(T(std::forward<A>(a), std::forward<B>(b), std::move(options))) {}
  template <class A, class B, class C>
  requires std::constructible_from<T, A, B, C, Options> Slot(A&& a, B&& b, C&& c, Options options)
      : Slot(T(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), std::move(options))) {}

  Slot(const Slot& other) : Replaceable(other) {
    set(other.type_->copy(*other.module_), other.type_);
  }
  Slot(Slot&&) noexcept = default;
  Slot& operator=(const Slot& other) {
    if (this != &other) set(other.type_->copy(*other.module_), other.type_);
    return *this;
  }
  Slot& operator=(Slot&&) noexcept = default;
  template <class D>
  requires std::derived_from<std::remove_cvref_t<D>, T> Slot& operator=(D&& module) {
    return *this = Slot(std::forward<D>(module));
  }

  T& operator*() { return *typed_; }
  const T& operator*() const { return *typed_; }
  T* operator->() { return typed_; }
  const T* operator->() const { return typed_; }
  // The module as a D, null where it is none.
  template <class D>
  D* as() const {
    return dynamic_cast<D*>(module_.get());
  }

  template <class... A>
  auto operator()(A&&... args) const -> decltype(std::declval<T&>()(std::forward<A>(args)...)) {
    try {
      return (*typed_)(std::forward<A>(args)...);
    } catch (const std::invalid_argument&) {
      detail::rethrow_from(*module_);
    }
  }

  void check(const ModuleRef& module, const std::string& path) const override {
    detail::check_replacement(module, module.as<T>() != nullptr, path, typeid(T).name());
  }
  void replace(std::unique_ptr<Module> module, const ModuleType* type) override {
    set(std::move(module), type);
  }
  void add_to(Members& members, std::string key) {
    detail::add_module(members, std::move(key), *module_, type_).place = this;
  }

 private:
  void set(std::unique_ptr<Module> module, const ModuleType* type) {
    typed_ = dynamic_cast<T*>(module.get());
    module_ = std::move(module);
    type_ = type;
  }

  std::unique_ptr<Module> module_;
  T* typed_ = nullptr;
  const ModuleType* type_ = nullptr;
};

// An entry of a Sequential: any module that maps an array to an array, or a function that does,
// which is no child and is not printed.
class Layer : public Replaceable {
 public:
  template <class M>
  requires(std::derived_from<std::remove_cvref_t<M>, Module>&&
               std::is_invocable_r_v<array, std::remove_cvref_t<M>&, const array&>)
      Layer(M&& module)
      : module_(std::make_unique<std::remove_cvref_t<M>>(std::forward<M>(module))),
        type_(&detail::module_type<std::remove_cvref_t<M>>) {}
  template <class F>
  requires(!std::derived_from<std::remove_cvref_t<F>, Module> &&
           !std::derived_from<std::remove_cvref_t<F>, Replaceable> &&
           std::is_invocable_r_v<array, F&, const array&>)  //
      Layer(F function)
      : function_(std::move(function)) {}
  Layer(const Layer& other)
      : Replaceable(other),
        module_(other.module_ ? other.type_->copy(*other.module_) : nullptr),
        type_(other.type_),
        function_(other.function_) {}
  Layer(Layer&&) noexcept = default;
  Layer& operator=(const Layer& other) { return *this = Layer(other); }
  Layer& operator=(Layer&&) noexcept = default;

  array operator()(const array& x) const {
    if (!module_) return function_(x);
    try {
      return type_->call(*module_, x);
    } catch (const std::invalid_argument&) {
      detail::rethrow_from(*module_);
    }
  }
  // Throw std::logic_error for a function.
  Module& operator*() { return module(); }
  const Module& operator*() const { return module(); }
  Module* operator->() { return &module(); }
  const Module* operator->() const { return &module(); }
  // The module as an M, null where it is none.
  template <class M>
  M* as() {
    return dynamic_cast<M*>(module_.get());
  }
  template <class M>
  const M* as() const {
    return dynamic_cast<const M*>(module_.get());
  }

  void check(const ModuleRef& module, const std::string& path) const override;
  void replace(std::unique_ptr<Module> module, const ModuleType* type) override;
  void add_to(Members& members, std::string key);

 private:
  Module& module() const;

  std::unique_ptr<Module> module_;
  const ModuleType* type_ = nullptr;
  std::function<array(const array&)> function_;
};

template <class T>
std::ostream& operator<<(std::ostream& os, const Slot<T>& slot) {
  return os << static_cast<const Module&>(*slot);
}
inline std::ostream& operator<<(std::ostream& os, const Layer& layer) { return os << *layer; }

namespace detail {

// Copying a model must copy a shared module once. The constructor of Module that copies sees the
// original whole, so it announces there how often each shared module is about to be copied, and
// the slots' own copies then take the announced one.
struct SharedBox {
  std::unique_ptr<Module> module;
  const ModuleType* type = nullptr;
};
// The announced copy of a box, or the box itself where it is tied, not copied.
std::shared_ptr<SharedBox> copy_or_tie(const std::shared_ptr<SharedBox>& box);
void announce_copies(const Module& original);

}  // namespace detail

// A module used in two places: initialise the second from the first, nn::Shared<T> b = a. Both are
// then the same module, whose parameters appear once and whose gradients add up. A copy of the
// model that holds them has its own, used in the same places.
template <class T>
class Shared {
 public:
  template <class... A>
  requires(std::constructible_from<T, A...> &&
           !(sizeof...(A) == 1 && (std::same_as<std::remove_cvref_t<A>, Shared> && ...)))
      Shared(A&&... args)
      : Shared(std::make_unique<T>(std::forward<A>(args)...)) {}
  template <class A, class O = typename detail::OptionsOf<T>::type>
  requires std::constructible_from<T, A, O> Shared(A&& a,
                                                   typename detail::OptionsOf<T>::type options)
      : Shared(std::make_unique<T>(std::forward<A>(a), std::move(options))) {}
  template <class A, class B, class O = typename detail::OptionsOf<T>::type>
  requires std::constructible_from<T, A, B, O> Shared(A&& a, B&& b,
                                                      typename detail::OptionsOf<T>::type options)
      : Shared(std::make_unique<T>(std::forward<A>(a), std::forward<B>(b), std::move(options))) {}
  Shared(const Shared& other) : box_(detail::copy_or_tie(other.box_)) {}
  Shared(Shared&&) noexcept = default;
  Shared& operator=(const Shared& other) {
    box_ = detail::copy_or_tie(other.box_);
    return *this;
  }
  Shared& operator=(Shared&&) noexcept = default;

  T& operator*() { return get(); }
  const T& operator*() const { return get(); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &get(); }
  template <class... A>
  auto operator()(A&&... args) const -> decltype(std::declval<T&>()(std::forward<A>(args)...)) {
    try {
      return get()(std::forward<A>(args)...);
    } catch (const std::invalid_argument&) {
      detail::rethrow_from(*box_->module);
    }
  }

  void add_to(Members& members, std::string key) {
    detail::add_module(members, std::move(key), get(), box_->type).box = box_;
  }

 private:
  explicit Shared(std::unique_ptr<T> module)
      : box_(std::make_shared<detail::SharedBox>(
            detail::SharedBox{std::move(module), &detail::module_type<T>})) {}
  T& get() const { return static_cast<T&>(*box_->module); }

  std::shared_ptr<detail::SharedBox> box_;
};

}  // namespace mica::nn
