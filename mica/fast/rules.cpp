#include "mica/fast/rules.h"

#include "mica/transforms/transforms.h"

namespace mica::ops {
namespace {

// The composition as a function of the inputs argnums alone, and their values.
struct Restricted {
  Composition function;
  std::vector<array> inputs;

  Restricted(const Composition& composition, std::span<const array> primals,
             std::span<const int> argnums) {
    for (int argnum : argnums) inputs.push_back(primals[static_cast<size_t>(argnum)]);
    function = [&composition, primals, argnums](const std::vector<array>& wanted) {
      std::vector<array> all(primals.begin(), primals.end());
      for (size_t i = 0; i < wanted.size(); ++i) {
        all[static_cast<size_t>(argnums[i])] = wanted[i];
      }
      return composition(all);
    };
  }
};

}  // namespace

std::vector<array> composed_vjp(const Composition& composition, const engine::VjpArgs& args) {
  const Restricted restricted(composition, args.primals, args.argnums);
  return detail::vjp_arrays(restricted.function, restricted.inputs,
                            {args.cotangents.begin(), args.cotangents.end()})
      .second;
}

std::vector<array> composed_jvp(const Composition& composition, const engine::JvpArgs& args) {
  const Restricted restricted(composition, args.primals, args.argnums);
  return detail::jvp_arrays(restricted.function, restricted.inputs,
                            {args.tangents.begin(), args.tangents.end()})
      .second;
}

engine::Batched composed_vmap(const Composition& composition, const engine::VmapArgs& args) {
  const detail::MappedFunction mapped = [&](const std::vector<array>& inputs) {
    std::vector<array> outputs = composition(inputs);
    std::vector<int> axes(outputs.size(), 0);
    return detail::MappedOutputs{std::move(outputs), std::move(axes)};
  };
  std::vector<array> outputs = detail::vmap_arrays(mapped, {args.inputs.begin(), args.inputs.end()},
                                                   {args.axes.begin(), args.axes.end()});
  std::vector<int> axes(outputs.size(), 0);
  return {std::move(outputs), std::move(axes)};
}

}  // namespace mica::ops
