#include "mica/nn/value_and_grad.h"

#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "mica/nn/slot.h"
#include "mica/nn/walk.h"

namespace mica::nn {

namespace {

thread_local detail::CallWatch* innermost = nullptr;

std::string named(const std::string& type, const std::string& path) {
  return path.empty() ? type : type + " (" + path + ")";
}

}  // namespace

void Module::note_call() const {
  if (innermost) innermost->note(typeid(*this), path_.get());
}

namespace detail {

CallWatch::CallWatch(const Module& model, CallSite asked)
    : model_(model), asked_(asked), outer_(std::exchange(innermost, this)) {}

CallWatch::~CallWatch() { innermost = outer_; }

void CallWatch::note(const std::type_info& type, const std::string& path) {
  last_type_ = &type;
  last_path_ = path;
}

void CallWatch::rethrow() const {
  try {
    throw;
  } catch (const ModuleError& error) {
    if (error.names_line()) throw;
    throw ModuleError(error.what() + line(), true);
  } catch (const std::invalid_argument& error) {
    if (typeid(error) != typeid(std::invalid_argument)) throw;
    std::string text = error.what() + line();
    if (last_type_) {
      text.insert(text.size() - 1,
                  ", after " + named(readable_type(last_type_->name()), last_path_));
    }
    throw ModuleError(text, true);
  }
}

std::string CallWatch::line() const {
  return " (nn::value_and_grad of " + model_.where() + " at " + asked_.file + ":" +
         std::to_string(asked_.line) + ")";
}

ParametersGuard::ParametersGuard(Module& model) : model_(model) {
  for (const array* a : ModuleWalk::arrays(model)) arrays_.push_back(*a);
}

ParametersGuard::~ParametersGuard() {
  if (!restore_) return;
  const std::vector<array*> places = ModuleWalk::arrays(model_);
  for (size_t i = 0; i < std::min(places.size(), arrays_.size()); ++i) *places[i] = arrays_[i];
}

void ParametersGuard::keep_changes(const Tree& traced) {
  std::unordered_set<std::uintptr_t> tracers;
  for (const auto& [path, tracer] : tree_flatten(traced)) tracers.insert(tracer.id());
  const std::vector<array*> places = ModuleWalk::arrays(model_);
  if (places.size() != arrays_.size())
    throw std::logic_error("nn::value_and_grad: expected " + std::to_string(arrays_.size()) +
                           " arrays in the model, got " + std::to_string(places.size()) +
                           "; the function must not add or remove parameters");
  for (size_t i = 0; i < places.size(); ++i)
    if (tracers.contains(places[i]->id())) *places[i] = arrays_[i];
  restore_ = false;
}

}  // namespace detail

}  // namespace mica::nn
