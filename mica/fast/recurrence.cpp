#include "mica/fast/recurrence.h"

#include "mica/fast/rules.h"
#include "mica/ops/batching.h"
#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica::ops {
namespace {

// How many outputs of Recurrence are states: all but what the backward pass reads.
size_t state_count(RecurrentCell cell) { return cell == RecurrentCell::lstm ? 2 : 1; }

// Elements from one step's parts (saved ones, or their cotangents) to the next's: rows of whole
// pages would meet in the same sets of a cache where the products that make gradients of weights
// read columns.
int parts_stride(RecurrentCell cell, const array& x, const array& hidden) {
  constexpr int page = 4096, line = 64;
  const int parts = cell == RecurrentCell::gru ? 4 * hidden.shape(1) : x.shape(2);
  const int item = static_cast<int>(x.dtype().size());
  return parts % (page / item) == 0 ? parts + line / item : parts;
}

std::vector<array> apply_forward(RecurrentCell cell, const std::vector<array>& inputs) {
  const array &x = inputs[0], &hidden = inputs[2];
  const int n = x.shape(0), length = x.shape(1), size = hidden.shape(1);
  std::vector<engine::OutputSpec> outputs(state_count(cell), {Shape{n, length, size}, x.dtype()});
  if (cell != RecurrentCell::rnn) {
    outputs.push_back({Shape{n, length, parts_stride(cell, x, hidden)}, x.dtype()});
  }
  return engine::apply_many(Recurrence{cell}, inputs, std::move(outputs), {});
}

std::vector<array> apply_backward(RecurrentCell cell, const std::vector<array>& inputs) {
  const array &x = inputs[0], &hidden = inputs[2];
  const Shape parts{x.shape(0), x.shape(1), parts_stride(cell, x, hidden)};
  std::vector<engine::OutputSpec> outputs{{parts, x.dtype()}};
  for (size_t i = 0; i < state_count(cell); ++i) outputs.push_back({hidden.shape(), x.dtype()});
  return engine::apply_many(RecurrenceBackward{cell}, inputs, std::move(outputs), {});
}

// The parts of all steps as the kernels lay them out.
array with_unused(RecurrentCell cell, const std::vector<array>& inputs, const array& parts) {
  const int unused = parts_stride(cell, inputs[0], inputs[2]) - parts.shape(2);
  return unused > 0 ? pad(parts, {{0, 0}, {0, 0}, {0, unused}}) : parts;
}

// Part i of `count` equal ones along the last axis.
array part(const array& x, int i, int count) { return split(x, count, -1)[static_cast<size_t>(i)]; }

// All steps in public functions. For gru, x (N, L, 4 H) holds the bias of each step at its end.
// Returns the states (N, L, H) and the saved parts (N, L, 4 H).
std::vector<array> run_steps(RecurrentCell cell, const array& x, const array& weight,
                             const array& first_hidden, const std::optional<array>& first_cell) {
  std::vector<array> hiddens, cells, saved;
  array hidden = first_hidden;
  std::optional<array> state = first_cell;
  const array transposed = transpose(weight);
  for (const array& at : unstack(x, 1)) {
    const array p = matmul(hidden, transposed);
    if (cell == RecurrentCell::rnn) {
      hidden = tanh(at + p);
    } else if (cell == RecurrentCell::gru) {
      const auto parts = split(at, 4, -1);
      const array r = sigmoid(parts[0] + part(p, 0, 3)), z = sigmoid(parts[1] + part(p, 1, 3));
      const array q = part(p, 2, 3) + parts[3], n = tanh(parts[2] + r * q);
      hidden = (1 - z) * n + z * hidden;
      saved.push_back(concatenate({r, z, n, q}, -1));
    } else {
      const auto parts = split(at + p, 4, -1);
      const array i = sigmoid(parts[0]), f = sigmoid(parts[1]), g = tanh(parts[2]);
      const array o = sigmoid(parts[3]);
      state = f * *state + i * g;
      hidden = o * tanh(*state);
      cells.push_back(*state);
      saved.push_back(concatenate({i, f, g, o}, -1));
    }
    hiddens.push_back(hidden);
  }
  std::vector<array> outputs{stack(hiddens, 1)};
  for (const auto* each : {&cells, &saved}) {
    if (!each->empty()) outputs.push_back(stack(*each, 1));
  }
  return outputs;
}

// x with gru's bias behind each step's parts.
array with_bias(RecurrentCell cell, const std::vector<array>& inputs) {
  const array& x = inputs[0];
  if (cell != RecurrentCell::gru) return x;
  const Shape shape{x.shape(0), x.shape(1), inputs[3].shape(0)};
  return concatenate({x, broadcast_to(inputs[3], shape)}, -1);
}

std::optional<array> first_cell(RecurrentCell cell, const std::vector<array>& inputs) {
  return cell == RecurrentCell::lstm ? std::optional(inputs[3]) : std::nullopt;
}

// The inputs that go with sequences, in the order of both ops: all but the weight and gru's bias.
bool is_shared(RecurrentCell cell, size_t input) {
  return input == 1 || (cell == RecurrentCell::gru && input == 3);
}

// The batch joins the sequences where it has no weights of its own.
template <class Op, class Apply>
engine::Batched map_sequences(const Op& op, const engine::VmapArgs& args, Apply&& apply) {
  std::vector<array> inputs;
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    if (!is_shared(op.cell, i)) {
      inputs.push_back(flatten(batch_first(args.inputs[i], args.axes[i], args.batch), 0, 1));
    } else if (args.axes[i] < 0) {
      inputs.push_back(args.inputs[i]);
    } else {
      return composed_vmap([&op](const auto& x) { return op.composed(x); }, args);
    }
  }
  std::vector<array> outputs = apply(op.cell, inputs);
  for (array& x : outputs) x = unflatten(x, 0, {args.batch, -1});
  return {outputs, std::vector<int>(outputs.size(), 0)};
}

}  // namespace

std::vector<array> Recurrence::composed(const std::vector<array>& inputs) const {
  std::vector<array> outputs =
      run_steps(cell, with_bias(cell, inputs), inputs[1], inputs[2], first_cell(cell, inputs));
  if (cell != RecurrentCell::rnn) outputs.back() = with_unused(cell, inputs, outputs.back());
  return outputs;
}

// In the inputs and cotangents alone: what the forward pass saved is computed from the inputs.
std::vector<array> RecurrenceBackward::composed(const std::vector<array>& inputs) const {
  std::vector<array> primals{with_bias(cell, inputs), inputs[2]};
  if (cell == RecurrentCell::lstm) primals.push_back(inputs[3]);
  const auto states = [&](const std::vector<array>& x) {
    std::vector<array> outputs =
        run_steps(cell, x[0], inputs[1], x[1], x.size() > 2 ? std::optional(x[2]) : std::nullopt);
    outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(state_count(cell)), outputs.end());
    return outputs;
  };
  const auto first = inputs.end() - static_cast<std::ptrdiff_t>(state_count(cell));
  std::vector<array> found = detail::vjp_arrays(states, primals, {first, inputs.end()}).second;
  found[0] = with_unused(cell, inputs, found[0]);
  return found;
}

std::vector<array> Recurrence::vjp(const engine::VjpArgs& args) const {
  const array &weight = args.primals[1], &hidden = args.primals[2];
  const int size = hidden.shape(1), rows = weight.shape(0);
  std::vector<array> inputs(args.primals.begin(), args.primals.end());
  inputs.insert(inputs.end(), args.outputs.rbegin(), args.outputs.rend());
  for (size_t i = 0; i < state_count(cell); ++i) inputs.push_back(args.cotangents[i]);
  const std::vector<array> found = apply_backward(cell, inputs);
  // Columns [first, last) of the cotangents at all steps, (N L, last - first), in units of `size`.
  const array flat = flatten(found[0], 0, 1);
  const auto columns = [&](int first, int last) {
    return slice(flat, {0, first * size}, {flat.shape(0), last * size});
  };

  const auto of_weight = [&] {
    const array states = args.outputs[0];
    const array before = slice(states, {0, 0, 0}, {states.shape(0), states.shape(1) - 1, size});
    const array previous =
        reshape(concatenate({expand_dims(hidden, 1), before}, 1), {flat.shape(0), size});
    const auto of_rows = [&](int first, int last) {
      return matmul(transpose(columns(first, last)), previous);
    };
    return cell == RecurrentCell::gru ? concatenate({of_rows(0, 2), of_rows(3, 4)}, 0)
                                      : of_rows(0, rows / size);
  };
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    if (argnum == 0) {
      const Shape& shape = args.primals[0].shape();
      cotangents.push_back(slice(found[0], {0, 0, 0}, shape));
    } else if (argnum == 1) {
      cotangents.push_back(of_weight());
    } else if (argnum == 2) {
      cotangents.push_back(found[1]);
    } else {
      cotangents.push_back(cell == RecurrentCell::gru ? sum(columns(3, 4), 0) : found[2]);
    }
  }
  return cotangents;
}

std::vector<array> Recurrence::jvp(const engine::JvpArgs& args) const {
  return composed_jvp([this](const auto& inputs) { return composed(inputs); }, args);
}

engine::Batched Recurrence::vmap(const engine::VmapArgs& args) const {
  return map_sequences(*this, args, apply_forward);
}

std::vector<array> RecurrenceBackward::vjp(const engine::VjpArgs& args) const {
  return composed_vjp([this](const auto& inputs) { return composed(inputs); }, args);
}

std::vector<array> RecurrenceBackward::jvp(const engine::JvpArgs& args) const {
  return composed_jvp([this](const auto& inputs) { return composed(inputs); }, args);
}

engine::Batched RecurrenceBackward::vmap(const engine::VmapArgs& args) const {
  return map_sequences(*this, args, apply_backward);
}

std::vector<array> recurrence(RecurrentCell cell, const array& x, const array& weight,
                              const array& hidden, const std::optional<array>& extra) {
  const Dtype wide = at_least_float32(x.dtype());
  std::vector<array> inputs{x, weight, hidden};
  if (extra) inputs.push_back(*extra);
  for (array& input : inputs) input = astype(input, wide);
  std::vector<array> outputs = apply_forward(cell, inputs);
  outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(state_count(cell)), outputs.end());
  for (array& output : outputs) output = astype(output, x.dtype());
  return outputs;
}

}  // namespace mica::ops
