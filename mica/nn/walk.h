// How Module's methods see the members of a module.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "mica/nn/module.h"

namespace mica::nn {

struct ModuleWalk {
  using Seen = std::unordered_set<const void*>;

  // The members of a module, whose modules then know their paths.
  static Members members(const Module& module);
  // False for another place of a shared module that was seen already.
  static bool first_visit(const Member& member, Seen& seen);
  // Where each array of the module lies, once each, in the order of state().
  static std::vector<array*> arrays(const Module& module);
  // Placeholders of the shapes and dtypes of others, and these in the places of a module's arrays:
  // tracing the module on them computes nothing.
  static std::vector<array> placeholders_like(const std::vector<array>& arrays);
  static void put_placeholders(const Module& module);
  // What of a module and those below it is no array but changes what they compute and train.
  static void add_flags(std::string& flags, Module& module);

 private:
  static void set_paths(const Members& members, const std::string& path);
};

}  // namespace mica::nn
