#include "mica/nn/slot.h"

#include <stdexcept>

#include "mica/nn/walk.h"

namespace mica::nn {

namespace detail {

void check_replacement(const ModuleRef& module, bool fits, const std::string& path,
                       const char* type) {
  if (!fits)
    throw std::invalid_argument("update_modules: expected a " + readable_type(type) + " at " +
                                path + ", got " + module->type_name());
  if (!module.type() || !module.type()->copy)
    throw std::invalid_argument("update_modules: expected a module that can be copied at " + path +
                                ", got " + module->type_name());
}

namespace {

struct Announced {
  const SharedBox* original;
  std::shared_ptr<SharedBox> copy;
  size_t remaining;
};

// Of the copies that this thread is making: a copy constructor can't be passed anything.
thread_local std::vector<Announced> announced;

void find_boxes(const Members& members, std::vector<std::shared_ptr<SharedBox>>& boxes) {
  for (const Member& member : members) {
    if (member.box)
      boxes.push_back(member.box);
    else if (member.is_module())
      find_boxes(ModuleWalk::members(*member.module), boxes);
    else
      find_boxes(member.items, boxes);
  }
}

}  // namespace

std::shared_ptr<SharedBox> copy_or_tie(const std::shared_ptr<SharedBox>& box) {
  for (size_t i = 0; i < announced.size(); ++i) {
    if (announced[i].original != box.get()) continue;
    std::shared_ptr<SharedBox> copy = announced[i].copy;
    if (--announced[i].remaining == 0)
      announced.erase(announced.begin() + static_cast<std::ptrdiff_t>(i));
    return copy;
  }
  return box;
}

void announce_copies(const Module& original) {
  std::vector<std::shared_ptr<SharedBox>> boxes;
  find_boxes(ModuleWalk::members(original), boxes);
  const size_t outer = announced.size();
  for (const auto& box : boxes) {
    size_t i = 0;
    while (i < announced.size() && announced[i].original != box.get()) ++i;
    if (i < outer) continue;  // announced for a module around this one
    if (i == announced.size())
      announced.push_back(
          {box.get(), std::make_shared<SharedBox>(SharedBox{nullptr, box->type}), 0});
    ++announced[i].remaining;
  }
  for (size_t i = outer; i < announced.size(); ++i) {
    const SharedBox* box = announced[i].original;
    std::shared_ptr<SharedBox> copy = announced[i].copy;
    copy->module = box->type->copy(*box->module);
  }
}

}  // namespace detail

void Layer::check(const ModuleRef& module, const std::string& path) const {
  detail::check_replacement(module, true, path, typeid(Module).name());
  if (!module.type()->call)
    throw std::invalid_argument(
        "update_modules: expected a module that maps an array to an array at " + path + ", got " +
        module->type_name());
}

Module& Layer::module() const {
  if (!module_) throw std::logic_error("nn::Layer: expected a module, got a function");
  return *module_;
}

void Layer::replace(std::unique_ptr<Module> module, const ModuleType* type) {
  module_ = std::move(module);
  type_ = type;
}

void Layer::add_to(Members& members, std::string key) {
  if (!module_) return;
  detail::add_module(members, std::move(key), *module_, type_).place = this;
}

}  // namespace mica::nn
