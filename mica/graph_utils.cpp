#include "mica/graph_utils.h"

#include <algorithm>
#include <ostream>
#include <unordered_set>

#include "mica/engine/node.h"
#include "mica/ops/op_names.h"

namespace mica {

namespace {

// An array of each node below the outputs, behind those of its inputs. Without recursion: a graph
// may be a million nodes deep.
std::vector<array> inputs_first(const std::vector<array>& outputs) {
  struct Visit {
    array a;
    uint32_t next_input;
  };
  std::vector<array> order;
  std::vector<Visit> path;
  std::unordered_set<const engine::Node*> seen;
  const auto enter = [&](const array& a) {
    if (seen.insert(&a.node()).second) path.push_back({a, 0});
  };
  for (const array& output : outputs) {
    enter(output);
    while (!path.empty()) {
      Visit& top = path.back();
      const auto inputs = top.a.node().inputs();
      if (top.next_input < inputs.size()) {
        enter(inputs[top.next_input++]);
      } else {
        order.push_back(top.a);
        path.pop_back();
      }
    }
  }
  return order;
}

class Printer {
 public:
  Printer(std::ostream& os, NodeNamer namer) : os_(os), namer_(std::move(namer)) {}

  const std::string& name(const array& a) { return namer_.get_name(a); }
  void list(const std::vector<array>& arrays) {
    const char* separator = "";
    for (const array& a : arrays) {
      os_ << separator << name(a) << " [" << a.shape() << ", " << a.dtype() << ']';
      separator = ", ";
    }
  }

 private:
  std::ostream& os_;
  NodeNamer namer_;
};

std::string_view primitive_of(const array& a) { return op_name(a.node().op->id); }

}  // namespace

std::string detail::letters_of(size_t number) {
  std::string letters;
  for (; number > 0; number = (number - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('A' + (number - 1) % 26));
  }
  return letters;
}

const std::string& NodeNamer::get_name(const array& x) {
  const auto known = names.find(x.id());
  if (known != names.end()) return known->second;
  return names.emplace(x.id(), detail::letters_of(names.size() + 1)).first->second;
}

void NodeNamer::set_name(const array& x, std::string n) { names[x.id()] = std::move(n); }

void print_graph(std::ostream& os, const std::vector<array>& outputs) {
  print_graph(os, NodeNamer{}, outputs);
}

void print_graph(std::ostream& os, NodeNamer namer, const std::vector<array>& outputs) {
  const std::vector<array> nodes = inputs_first(outputs);
  std::vector<array> inputs;
  std::copy_if(nodes.begin(), nodes.end(), std::back_inserter(inputs),
               [](const array& a) { return !a.has_primitive(); });
  Printer printer(os, std::move(namer));
  os << "Inputs: ";
  printer.list(inputs);
  os << "\nOutputs: ";
  printer.list(outputs);
  os << '\n';
  for (const array& a : nodes) {
    if (!a.has_primitive()) continue;
    os << primitive_of(a) << ' ';
    printer.list(a.inputs());
    os << " -> ";
    printer.list(a.outputs());
    os << '\n';
  }
}

void export_to_dot(std::ostream& os, const std::vector<array>& outputs) {
  export_to_dot(os, NodeNamer{}, outputs);
}

void export_to_dot(std::ostream& os, NodeNamer namer, const std::vector<array>& outputs) {
  std::unordered_set<std::uintptr_t> output_ids;
  for (const array& output : outputs) output_ids.insert(output.id());
  Printer printer(os, std::move(namer));
  os << "digraph {\n";
  for (const array& a : inputs_first(outputs)) {
    if (!a.has_primitive()) {
      os << "{ rank=source; \"" << printer.name(a) << "\"; }\n";
      continue;
    }
    const std::uintptr_t op = a.primitive_id();
    os << "{ " << op << " [label =\"" << primitive_of(a) << "\", shape=rectangle]; }\n";
    for (const array& input : a.inputs()) {
      os << '"' << printer.name(input) << "\" -> " << op << '\n';
    }
    for (const array& output : a.outputs()) {
      os << "{ " << (output_ids.contains(output.id()) ? "rank=sink; " : "") << '"'
         << printer.name(output) << "\"; }\n";
      os << op << " -> \"" << printer.name(output) << "\"\n";
    }
  }
  os << '}';
}

}  // namespace mica
