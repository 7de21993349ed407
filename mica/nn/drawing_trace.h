// What a model did when it was called: the graph of its operations, and which layer made which.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mica/engine/node.h"
#include "mica/nn/module.h"
#include "mica/nn/walk.h"

namespace mica::nn::detail {

class CallTrace {
 public:
  struct ModuleInfo {
    std::string path, type;
    size_t parameters = 0;     // elements of its own and below
    std::vector<int> parents;  // the modules that hold it, by index
  };
  // In the order in which they ended: the calls inside a call are before it.
  struct Call {
    int module = 0;
    // Also those that the call read without being given them.
    std::vector<array> inputs;
    std::vector<array> outputs;
    int parent = -1;  // the call that it was part of
    bool leaf = true;
  };

  // Hooks into the model and all below it, while it lives. inputs: what it will be called with.
  CallTrace(Module& model, const std::vector<array>& inputs);
  // The model has returned.
  void finish(const std::vector<array>& outputs);

  const std::vector<ModuleInfo>& modules() const { return modules_; }
  const std::vector<Call>& calls() const { return calls_; }
  // The innermost call that made the node, -1 where none did: of what depends on no input.
  int owner(const engine::Node* node) const;
  // The path of a parameter, empty for other nodes.
  std::string parameter(const engine::Node* node) const;
  // Whether the module lies below the other one.
  bool is_below(int module, int other) const;

 private:
  using Nodes = std::unordered_set<const engine::Node*>;

  int add(Module& module, const std::string& path, int parent);
  void add(const Members& members, const std::string& prefix, int parent);
  void note(int module, const std::vector<array>& inputs, const std::vector<array>& outputs,
            bool hooked);
  // Whether the call was made by the call of the module that ends now.
  bool is_inside(int call, int module) const;
  // The nodes between a call's inputs and outputs, inputs first.
  std::vector<const engine::Node*> made(int module, const Nodes& given,
                                        const std::vector<array>& outputs) const;

  std::vector<ModuleInfo> modules_;
  std::unordered_map<const Module*, int> index_;
  std::unordered_map<const engine::Node*, std::string> parameters_;
  Nodes model_inputs_;
  std::vector<Call> calls_;
  std::unordered_map<const engine::Node*, int> owners_;
  std::unordered_map<const engine::Node*, int> first_readers_;  // calls that were given the node
  std::vector<ForwardHookHandle> hooks_;
};

}  // namespace mica::nn::detail
