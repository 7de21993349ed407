#include "mica/transforms/shape_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/ops/checks.h"
#include "mica/ops/op_list.h"
#include "mica/ops/op_names.h"
#include "mica/ops/primitives.h"
#include "mica/utils.h"

namespace mica::detail {

namespace {

int64_t recorded_size(const Factors& axis) {
  int64_t size = 1;
  for (const Factor& factor : axis) size *= factor.recorded;
  return size;
}
int64_t size_now(const Factors& axis) {
  int64_t size = 1;
  for (const Factor& factor : axis) size *= factor.now;
  return size;
}
bool is_changed(const Axes& axes) {
  return std::any_of(axes.begin(), axes.end(), [](const Factors& axis) {
    return std::any_of(axis.begin(), axis.end(),
                       [](const Factor& factor) { return factor.recorded != factor.now; });
  });
}

// One step, with the errors that name its op.
class Rule {
 public:
  Rule(const engine::OpRef& op, std::span<const Axes> inputs,
       std::span<const engine::OutputSpec> outputs)
      : op_(op), inputs_(inputs), recorded_(outputs) {}

  Reshaped apply() const {
    if (std::none_of(inputs_.begin(), inputs_.end(), is_changed)) return {op_, recorded()};
    if (op_->info().elementwise) return {op_, {broadcast()}};
    switch (op_->id) {
      case OpId::BatchNormalize:
      case OpId::Contiguous:
      case OpId::Identity:
      case OpId::Normalize:
      case OpId::Scan:
      case OpId::Softmax:
      case OpId::SoftmaxBackward:
      case OpId::Sort:
      case OpId::ArgSort:
      case OpId::StopGradient:
        return {op_, {inputs_[0]}};
      case OpId::BatchMoments:
        return {op_, {{inputs_[0].back()}, {inputs_[0].back()}}};
      case OpId::BatchNormalizeBackward:
      case OpId::NormalizeBackward: {
        std::vector<Axes> outputs{inputs_[0]};
        outputs.resize(recorded_.size(), {Factors{}, inputs_[0].back()});
        return {op_, std::move(outputs)};
      }
      case OpId::Depends:
        return {op_, {inputs_.begin(), inputs_.begin() + static_cast<long>(recorded_.size())}};
      case OpId::Reduce:
        return {op_, {reduced(engine::attributes<ops::Reduce>(*op_).axes)}};
      case OpId::ArgReduce:
        return {op_, {reduced({engine::attributes<ops::ArgReduce>(*op_).axis})}};
      case OpId::LogSumExp:
        return {op_, {reduced({static_cast<int>(inputs_[0].size()) - 1})}};
      case OpId::Transpose:
        return {op_, {transposed(engine::attributes<ops::Transpose>(*op_).axes)}};
      case OpId::Reshape: {
        Axes axes = regrouped();
        const Shape shape = shape_of(axes);
        return {engine::make_op(ops::Reshape{shape}), {std::move(axes)}};
      }
      case OpId::BroadcastTo: {
        Axes axes = stretched();
        const Shape shape = shape_of(axes);
        return {engine::make_op(ops::BroadcastTo{shape}), {std::move(axes)}};
      }
      case OpId::Concatenate:
        return {op_,
                {joined(static_cast<size_t>(engine::attributes<ops::Concatenate>(*op_).axis))}};
      case OpId::Gather:
        return {op_, {gathered()}};
      case OpId::Matmul:
      case OpId::AddMM:
        return {op_, {multiplied()}};
      default:
        refuse("the shapes it was recorded with");
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& expected) const {
    std::string shapes;
    for (const Axes& input : inputs_) {
      shapes += (shapes.empty() ? "" : " and ") + to_string(shape_of(input));
    }
    throw std::invalid_argument(fmt::format("import_function: {}: expected {}, got {}",
                                            op_name(op_->id), expected, shapes));
  }

  std::vector<Axes> recorded() const {
    std::vector<Axes> outputs;
    for (const auto& output : recorded_) outputs.push_back(axes_of(output.shape, output.shape));
    return outputs;
  }
  const Shape& output_shape() const { return recorded_[0].shape; }

  Axes broadcast() const {
    Axes out(output_shape().size());
    for (const Axes& input : inputs_) {
      const size_t skipped = out.size() - input.size();
      for (size_t axis = 0; axis < input.size(); ++axis) {
        Factors& to = out[skipped + axis];
        const Factors& from = input[axis];
        if (size_now(from) == 1 && recorded_size(from) == 1) continue;
        if (!to.empty() && size_now(to) != size_now(from)) refuse("shapes that broadcast");
        if (to.empty() || recorded_size(to) == 1) to = from;
      }
    }
    return out;
  }

  Axes reduced(const std::vector<int>& axes) const {
    Axes out = inputs_[0];
    for (const int axis : axes) out[static_cast<size_t>(axis)].clear();
    return out;
  }

  Axes transposed(const std::vector<int>& axes) const {
    Axes out;
    for (const int axis : axes) out.push_back(inputs_[0][static_cast<size_t>(axis)]);
    return out;
  }

  // Axes of size 1 and new leading ones are repeated as often as they were.
  Axes stretched() const {
    Axes out = axes_of(output_shape(), output_shape());
    const Axes& input = inputs_[0];
    const size_t skipped = out.size() - input.size();
    for (size_t axis = 0; axis < input.size(); ++axis) {
      if (recorded_size(input[axis]) != 1) {
        out[skipped + axis] = input[axis];
      } else if (size_now(input[axis]) != 1) {
        refuse("a size of 1 to repeat");
      }
    }
    return out;
  }

  Axes joined(size_t axis) const {
    Axes out = inputs_[0];
    Factor total{0, 0};
    for (const Axes& input : inputs_) {
      for (size_t i = 0; i < out.size(); ++i) {
        if (i != axis && size_now(input[i]) != size_now(out[i])) refuse("sizes that agree");
      }
      total.recorded += recorded_size(input[axis]);
      total.now += size_now(input[axis]);
    }
    out[axis] = {total};
    return out;
  }

  // The indices' axes, then those of a slice.
  Axes gathered() const {
    Axes out = axes_of(output_shape(), output_shape());
    if (is_changed(inputs_[0]) || inputs_.size() != 2) refuse("the table it was recorded with");
    std::copy(inputs_[1].begin(), inputs_[1].end(), out.begin());
    return out;
  }

  Axes multiplied() const {
    const Axes &a = inputs_[0], &b = inputs_[1];
    const size_t rows = a.size() - 2, columns = a.size() - 1;
    bool agree = size_now(a[columns]) == size_now(b[rows]);
    for (size_t i = 0; i < rows; ++i) agree = agree && size_now(a[i]) == size_now(b[i]);
    if (op_->id == OpId::AddMM) {
      agree = agree && size_now(inputs_[2].back()) == size_now(b[columns]);
    }
    if (!agree) refuse("matrices whose sizes agree");
    Axes out = a;
    out[columns] = b[columns];
    return out;
  }

  // The sizes of all axes in order, dealt out to the output's axes so that each gets its size.
  Axes regrouped() const {
    Factors left;  // in reverse
    for (const Factors& axis : inputs_[0]) {
      for (const Factor& factor : axis) {
        if (factor != Factor{1, 1}) left.push_back(factor);
      }
    }
    std::reverse(left.begin(), left.end());
    Axes out;
    for (const ShapeElem size : output_shape()) {
      out.emplace_back();
      if (size == 1 && !left.empty() && left.back().recorded == 1) {
        out.back().push_back(left.back());
        left.pop_back();
      }
      for (int64_t missing = size; missing > 1;) {
        const Factor next = left.empty() ? Factor{0, 0} : left.back();
        if (next.recorded > 0 && missing % next.recorded == 0) {
          left.pop_back();
          out.back().push_back(next);
          missing /= next.recorded;
        } else if (next.recorded == next.now && next.recorded % missing == 0 && next.now > 0) {
          out.back().push_back({missing, missing});
          left.back() = {next.recorded / missing, next.now / missing};
          missing = 1;
        } else {
          refuse("axes that it merges or keeps");
        }
      }
    }
    if (!left.empty()) refuse("axes that it merges or keeps");
    return out;
  }

  const engine::OpRef& op_;
  std::span<const Axes> inputs_;
  std::span<const engine::OutputSpec> recorded_;
};

}  // namespace

Axes axes_of(const Shape& recorded, const Shape& now) {
  Axes axes;
  for (size_t i = 0; i < recorded.size(); ++i) axes.push_back({{recorded[i], now[i]}});
  return axes;
}

Shape shape_of(const Axes& axes) {
  Shape shape;
  for (const Factors& axis : axes) shape.push_back(safe_cast(size_now(axis), "import_function"));
  return shape;
}

Reshaped reshape_step(const engine::OpRef& op, std::span<const Axes> inputs,
                      std::span<const engine::OutputSpec> outputs) {
  return Rule(op, inputs, outputs).apply();
}

}  // namespace mica::detail
