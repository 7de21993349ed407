#include "mica/io/pytorch_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::io::pytorch {

using pickle::Blob;
using pickle::Foreign;
using pickle::Mapping;
using pickle::None;
using pickle::Ref;
using pickle::Sequence;
using pickle::Text;
using pickle::Unpickler;

namespace {

struct NamedType {
  const char* name;     // torch.NAME
  const char* storage;  // torch.NAME of the class of its storages, null where there is none
  std::optional<Dtype> dtype;
};
constexpr NamedType types[] = {
    {"float32", "FloatStorage", float32},
    {"float64", "DoubleStorage", float64},
    {"float16", "HalfStorage", float16},
    {"bfloat16", "BFloat16Storage", bfloat16},
    {"int64", "LongStorage", int64},
    {"int32", "IntStorage", int32},
    {"int16", "ShortStorage", int16},
    {"int8", "CharStorage", int8},
    {"uint8", "ByteStorage", uint8},
    {"bool", "BoolStorage", bool_},
    {"complex64", "ComplexFloatStorage", complex64},
    {"uint16", nullptr, uint16},
    {"uint32", nullptr, uint32},
    {"uint64", nullptr, uint64},
    {"complex128", "ComplexDoubleStorage", {}},
    {"complex32", nullptr, {}},
    {"float8_e4m3fn", nullptr, {}},
    {"float8_e5m2", nullptr, {}},
    {"float8_e4m3fnuz", nullptr, {}},
    {"float8_e5m2fnuz", nullptr, {}},
    {"float8_e8m0fnu", nullptr, {}},
    {"quint8", "QUInt8Storage", {}},
    {"qint8", "QInt8Storage", {}},
    {"qint32", "QInt32Storage", {}},
};
constexpr uint32_t type_count = std::size(types);
constexpr uint32_t untyped = type_count;

constexpr const char* untyped_storages[] = {
    "torch.storage.UntypedStorage",
    "torch.storage._UntypedStorage",
    "torch.UntypedStorage",
};

constexpr size_t largest_rank = 32;
constexpr size_t storage_alignment = 16;

uint32_t find_storage_type(const std::string& name) {
  for (const char* known : untyped_storages)
    if (name == known) return untyped;
  for (uint32_t i = 0; i < type_count; ++i) {
    if (!types[i].storage) continue;
    if (name == std::string("torch.") + types[i].storage ||
        name == std::string("torch.cuda.") + types[i].storage) {
      return i;
    }
  }
  return untyped + 1;
}

uint64_t natural(const Unpickler& values, Ref ref, const char* field) {
  const auto* const value = values.as<int64_t>(ref);
  if (!value || *value < 0) {
    values.fail(field, "an integer from 0", value ? std::to_string(*value) : "another value");
  }
  return static_cast<uint64_t>(*value);
}

std::vector<uint64_t> naturals(const Unpickler& values, Ref ref, const char* field) {
  const std::vector<Ref>& items = values.tuple(ref, field);
  if (items.size() > largest_rank) {
    values.fail(field, fmt::format("at most {} dimensions", largest_rank),
                std::to_string(items.size()));
  }
  std::vector<uint64_t> numbers;
  for (const Ref item : items) numbers.push_back(natural(values, item, field));
  return numbers;
}

const std::string& text(const Unpickler& values, Ref ref, const char* field) {
  const auto* const value = values.as<Text>(ref);
  if (!value) values.fail(field, "text", "another value");
  return value->value;
}

// How many arguments a function may have.
void check_count(const Unpickler& values, const std::vector<Ref>& arguments, size_t least,
                 size_t most, const char* function) {
  if (arguments.size() < least || arguments.size() > most) {
    values.fail(function, fmt::format("{} to {} arguments", least, most),
                std::to_string(arguments.size()));
  }
}

// Bytes that protocols before 3 write as the text of their Latin-1 characters.
std::string bytes_of_latin1(const Unpickler& values, std::string_view characters) {
  std::string bytes;
  for (size_t i = 0; i < characters.size(); ++i) {
    const auto first = static_cast<uint8_t>(characters[i]);
    if (first < 0x80) {
      bytes += static_cast<char>(first);
      continue;
    }
    const bool two = (first == 0xc2 || first == 0xc3) && i + 1 < characters.size();
    const auto second = two ? static_cast<uint8_t>(characters[++i]) : uint8_t{0};
    if ((second & 0xc0) != 0x80) values.fail("bytes", "characters up to U+00FF", "others");
    bytes += static_cast<char>((first & 0x03) << 6 | (second & 0x3f));
  }
  return bytes;
}

Ref to_bytes(Unpickler& values, const std::vector<Ref>& arguments) {
  check_count(values, arguments, 0, 2, "bytes");
  if (arguments.empty()) return values.make(Blob{});
  if (values.as<Blob>(arguments[0])) return arguments[0];
  return values.make(Blob{bytes_of_latin1(values, text(values, arguments[0], "bytes"))});
}

Ref to_set(Unpickler& values, const std::vector<Ref>& arguments) {
  check_count(values, arguments, 0, 1, "set");
  Sequence set{Sequence::Kind::set, {}};
  if (!arguments.empty()) {
    const auto* const items = values.as<Sequence>(arguments[0]);
    if (!items) values.fail("set", "a list", "another value");
    values.charge(items->items.size());
    set.items = items->items;
  }
  return values.make(std::move(set));
}

// Of no arguments, or of a list of pairs.
Ref to_dict(Unpickler& values, const std::vector<Ref>& arguments) {
  check_count(values, arguments, 0, 1, "OrderedDict");
  Mapping mapping;
  if (!arguments.empty()) {
    const auto* const pairs = values.as<Sequence>(arguments[0]);
    if (!pairs) values.fail("OrderedDict", "a list of pairs", "another value");
    values.charge(pairs->items.size());
    for (const Ref pair : pairs->items) {
      const auto* const items = values.as<Sequence>(pair);
      if (!items || items->items.size() != 2) {
        values.fail("OrderedDict", "a list of pairs", "a list of others");
      }
      mapping.entries.emplace_back(items->items[0], items->items[1]);
    }
  }
  return values.make(std::move(mapping));
}

// "cuda:1", of a type and a number.
Ref to_device(Unpickler& values, const std::vector<Ref>& arguments) {
  check_count(values, arguments, 1, 2, "torch.device");
  std::string name = text(values, arguments[0], "torch.device");
  if (arguments.size() == 2) {
    name += ":" + std::to_string(natural(values, arguments[1], "torch.device"));
  }
  return values.make(Text{std::move(name)});
}

Ref to_size(Unpickler& values, const std::vector<Ref>& arguments) {
  check_count(values, arguments, 1, 1, "torch.Size");
  naturals(values, arguments[0], "torch.Size");
  return arguments[0];
}

}  // namespace

// __torch__.* are the classes of a TorchScript archive.
const Objects::NamedFunction Objects::functions[] = {
    {"collections.OrderedDict", Function::ordered_dict},
    {"builtins.set", Function::set},
    {"builtins.frozenset", Function::set},
    {"__builtin__.set", Function::set},
    {"__builtin__.frozenset", Function::set},
    {"builtins.bytes", Function::bytes},
    {"builtins.bytearray", Function::bytes},
    {"__builtin__.bytes", Function::bytes},
    {"__builtin__.bytearray", Function::bytes},
    {"_codecs.encode", Function::encode},
    {"torch.Size", Function::size},
    {"torch.device", Function::device},
    {"torch.serialization._get_layout", Function::layout},
    {"torch._utils._rebuild_tensor", Function::tensor},
    {"torch._utils._rebuild_tensor_v2", Function::tensor},
    {"torch._utils._rebuild_tensor_v3", Function::tensor},
    {"torch._utils._rebuild_parameter", Function::parameter},
    {"torch._utils._rebuild_parameter_with_state", Function::parameter},
    {"torch._tensor._rebuild_from_type_v2", Function::from_type},
    {"torch.Tensor", Function::tensor_class},
    {"torch.nn.parameter.Parameter", Function::tensor_class},
    {"torch.jit._pickle.build_intlist", Function::script_list},
    {"torch.jit._pickle.build_doublelist", Function::script_list},
    {"torch.jit._pickle.build_boollist", Function::script_list},
    {"torch.jit._pickle.build_tensorlist", Function::script_list},
    {"torch.jit._pickle.restore_type_tag", Function::script_tag},
};

void CopyBudget::spend(const std::string& field, size_t bytes) {
  if (bytes > left_) {
    input_.fail(field, "tensors that don't take many times the file's size together", "such");
  }
  left_ -= bytes;
}

Ref Objects::global(Unpickler& values, const std::string& module, const std::string& name) {
  const std::string full = module + "." + name;
  const auto found = std::find_if(std::begin(functions), std::end(functions),
                                  [&](const NamedFunction& known) { return full == known.name; });
  const auto make = [&](Kind kind, uint32_t index) { return values.make(Foreign{kind, index}); };
  if (found != std::end(functions)) {
    return make(function_kind, static_cast<uint32_t>(found->function));
  }
  if (module == "__torch__" || module.starts_with("__torch__.")) {
    return make(function_kind, static_cast<uint32_t>(Function::script_class));
  }
  if (const uint32_t type = find_storage_type(full); type <= untyped) {
    return make(storage_type_kind, type);
  }
  for (uint32_t i = 0; i < type_count; ++i) {
    if (module == "torch" && name == types[i].name) return make(type_kind, i);
  }
  values.fail(full, "a plain value, a container or a tensor of one",
              "something else, which is refused (torch.save(model.state_dict(), file) writes "
              "weights alone)");
}

Ref Objects::call(Unpickler& values, Ref function, Ref arguments) {
  const auto* const foreign = values.as<Foreign>(function);
  if (!foreign || foreign->kind != function_kind) {
    values.fail("call", "a function that makes a value", "another value");
  }
  const std::vector<Ref> given = values.tuple(arguments, "arguments");
  values.charge(given.size());
  switch (static_cast<Function>(foreign->index)) {
    case Function::ordered_dict:
      return to_dict(values, given);
    case Function::set:
      return to_set(values, given);
    case Function::bytes:
    case Function::encode:
      return to_bytes(values, given);
    case Function::size:
      return to_size(values, given);
    case Function::device:
      return to_device(values, given);
    case Function::tensor:
      return rebuild_tensor(values, given);
    case Function::layout:
    case Function::script_list:
    case Function::script_tag:
    case Function::parameter:
    case Function::tensor_class:
      // The tensor, list or text comes first; the rest is of no use here.
      check_count(values, given, 1, 4, "arguments");
      return given[0];
    case Function::from_type:  // a function, a class, the function's arguments, a state
      check_count(values, given, 4, 4, "_rebuild_from_type_v2");
      if (const auto* const inner = values.as<Foreign>(given[0]);
          !inner || inner->kind != function_kind ||
          static_cast<Function>(inner->index) == Function::from_type) {
        values.fail("_rebuild_from_type_v2", "a function that makes a tensor", "another value");
      }
      return call(values, given[0], given[2]);
    case Function::script_class: {
      const Ref object = values.make(Mapping{});
      script_objects_.insert(object);
      return object;
    }
  }
  values.fail("call", "a function that makes a value", "another value");
}

void Objects::build(Unpickler& values, Ref object, Ref state) {
  // The attributes of an OrderedDict or a parameter hold no weights.
  if (!script_objects_.contains(object)) return;
  const auto* const attributes = values.as<Mapping>(state);
  if (!attributes) values.fail("state", "the attributes of a module", "another value");
  values.charge(attributes->entries.size());
  const std::vector<std::pair<Ref, Ref>> entries = attributes->entries;
  auto& target = std::get<Mapping>(values[object]).entries;
  target.insert(target.end(), entries.begin(), entries.end());
}

// ("storage", class, key, device, size), and in older files a view of another storage.
Ref Objects::persistent(Unpickler& values, Ref id) {
  constexpr const char* field = "storage";
  const std::vector<Ref>& parts = values.tuple(id, field);
  if (parts.size() < 5 || parts.size() > 6 || text(values, parts[0], field) != field) {
    values.fail(field, "a storage's class, key, device and size", "another value");
  }
  if (parts.size() == 6 && !values.as<None>(parts[5])) {
    values.fail(field, "a whole storage", "a view of one; torch.save of today writes it anew");
  }
  const auto* const type = values.as<Foreign>(parts[1]);
  if (!type || type->kind != storage_type_kind) {
    values.fail(field, "the class of a storage", "another value");
  }
  Storage storage;
  const auto* const number = values.as<int64_t>(parts[2]);
  storage.key = number ? std::to_string(*number) : text(values, parts[2], field);
  storage.size = natural(values, parts[4], field);
  if (type->index != untyped) {
    storage.dtype = types[type->index].dtype;
    if (!storage.dtype) {
      values.fail("storage " + storage.key, "a dtype that mica has",
                  std::string("torch.") + types[type->index].name);
    }
  }
  const auto [place, is_new] =
      storage_of_key_.emplace(storage.key, static_cast<uint32_t>(storages_.size()));
  if (is_new) {
    storages_.push_back(storage);
  } else if (const Storage& known = storages_[place->second];
             known.dtype != storage.dtype || known.size != storage.size) {
    values.fail("storage " + storage.key, "one dtype and size", "others in another place");
  }
  return values.make(Foreign{storage_kind, place->second});
}

// (storage, offset, shape, strides, requires_grad, hooks), then the dtype where the storage is
// untyped, and flags.
Ref Objects::rebuild_tensor(Unpickler& values, const std::vector<Ref>& arguments) {
  constexpr const char* field = "tensor";
  check_count(values, arguments, 4, 8, field);
  const auto* const storage = values.as<Foreign>(arguments[0]);
  if (!storage || storage->kind != storage_kind) values.fail(field, "a storage", "another value");
  std::optional<Dtype> dtype = storages_[storage->index].dtype;
  size_t next = 6;
  if (!dtype) {
    check_count(values, arguments, 7, 8, field);
    const auto* const type = values.as<Foreign>(arguments[next++]);
    if (!type || type->kind != type_kind) values.fail(field, "a torch.dtype", "another value");
    dtype = types[type->index].dtype;
    if (!dtype) {
      values.fail("tensor of storage " + storages_[storage->index].key, "a dtype that mica has",
                  std::string("torch.") + types[type->index].name);
    }
  }
  Tensor tensor{storage->index,
                *dtype,
                natural(values, arguments[1], "storage_offset"),
                naturals(values, arguments[2], "size"),
                naturals(values, arguments[3], "stride"),
                false,
                false};
  if (tensor.shape.size() != tensor.strides.size()) {
    values.fail("stride", fmt::format("{} of them", tensor.shape.size()),
                std::to_string(tensor.strides.size()));
  }
  if (next < arguments.size()) read_flags(values, arguments[next], tensor);
  tensors_.push_back(std::move(tensor));
  return values.make(Foreign{tensor_kind, static_cast<uint32_t>(tensors_.size() - 1)});
}

void Objects::read_flags(Unpickler& values, Ref metadata, Tensor& tensor) {
  if (values.as<None>(metadata)) return;
  const auto* const flags = values.as<Mapping>(metadata);
  if (!flags) values.fail("tensor metadata", "a dict", "another value");
  for (const auto& [key, value] : flags->entries) {
    const std::string& name = text(values, key, "tensor metadata");
    const auto* const flag = values.as<bool>(value);
    if (!flag || (name != "conj" && name != "neg")) {
      values.fail("tensor metadata", "the flags conj and neg", "'" + name + "'");
    }
    (name == "conj" ? tensor.conjugate : tensor.negative) = *flag;
  }
}

// Turns what was read into values, and tensors into arrays.
class Objects::Builder {
 public:
  Builder(Objects& objects, const Unpickler& values, StorageSource& source, bool big_endian,
          CopyBudget& budget)
      : objects_(objects),
        values_(values),
        source_(source),
        big_endian_(big_endian),
        budget_(budget),
        bytes_(objects.storages_.size()) {}

  PickledValue value(Ref ref, size_t depth = 0) {
    // Also where a value holds itself.
    constexpr size_t deepest = 500;
    if (depth > deepest) {
      values_.fail("pickle", fmt::format("at most {} levels of nesting", deepest), "more");
    }
    if (const auto done = done_.find(ref); done != done_.end()) return done->second;
    const pickle::Node& node = values_[ref];
    if (const auto* const boolean = std::get_if<bool>(&node)) return PickledValue(*boolean);
    if (const auto* const integer = std::get_if<int64_t>(&node)) return PickledValue(*integer);
    if (const auto* const real = std::get_if<double>(&node)) return PickledValue(*real);
    PickledValue made;
    if (const auto* const characters = std::get_if<Text>(&node)) {
      made = PickledValue(PickledValue::Kind::text, characters->value);
    } else if (const auto* const blob = std::get_if<Blob>(&node)) {
      made = PickledValue(PickledValue::Kind::bytes, blob->value);
    } else if (const auto* const sequence = std::get_if<Sequence>(&node)) {
      PickledValue::List items;
      for (const Ref item : sequence->items) items.push_back(value(item, depth + 1));
      made = PickledValue(kind_of(sequence->kind), std::move(items));
    } else if (const auto* const mapping = std::get_if<Mapping>(&node)) {
      PickledValue::Dict entries;
      for (const auto& [key, item] : mapping->entries) {
        entries.emplace_back(value(key, depth + 1), value(item, depth + 1));
      }
      made = PickledValue(std::move(entries));
    } else if (const auto* const foreign = std::get_if<Foreign>(&node)) {
      made = foreign_value(*foreign);
    } else {
      return {};
    }
    done_.emplace(ref, made);
    return made;
  }

 private:
  static PickledValue::Kind kind_of(Sequence::Kind kind) {
    return kind == Sequence::Kind::list    ? PickledValue::Kind::list
           : kind == Sequence::Kind::tuple ? PickledValue::Kind::tuple
                                           : PickledValue::Kind::set;
  }

  PickledValue foreign_value(const Foreign& foreign) {
    if (foreign.kind == tensor_kind) return PickledValue(make(objects_.tensors_[foreign.index]));
    if (foreign.kind == type_kind) {
      return {PickledValue::Kind::text, std::string("torch.") + types[foreign.index].name};
    }
    if (foreign.kind == storage_kind) {
      const Storage& storage = objects_.storages_[foreign.index];
      return PickledValue(make(
          {foreign.index, storage.dtype.value_or(uint8), 0, {storage.size}, {1}, false, false}));
    }
    values_.fail("pickle", "plain values, containers and tensors", "a function or a class");
  }

  // A storage's bytes, at an address that suits its elements.
  const Bytes& storage_bytes(uint32_t index) {
    std::optional<Bytes>& known = bytes_[index];
    if (known) return *known;
    const Storage& storage = objects_.storages_[index];
    const std::string field = "storage " + storage.key;
    size_t size;
    if (__builtin_mul_overflow(storage.size, storage.dtype ? storage.dtype->size() : 1, &size)) {
      values_.fail(field, "a size that fits in memory", std::to_string(storage.size));
    }
    known = size == 0 ? Bytes{} : source_.bytes(storage.key, size);
    if (reinterpret_cast<uintptr_t>(known->data.data()) % storage_alignment != 0) {
      budget_.spend(field, size);
      const Bytes aligned = allocate_bytes(size);
      std::memcpy(aligned.data.data(), known->data.data(), size);
      known = aligned;
    }
    return *known;
  }

  array make(const Tensor& tensor) {
    const std::string field = "tensor of storage " + objects_.storages_[tensor.storage].key;
    const Input& input = values_.cursor().input();
    const Shape shape = checked_shape(input, field, tensor.shape);
    const size_t size = checked_bytes(input, field, shape, tensor.dtype.size());
    const Bytes& all = storage_bytes(tensor.storage);
    const bool empty = size == 0;
    // One behind the last element, and whether the elements lie one behind the other.
    uint64_t end = tensor.offset, row = 1;
    bool overflow = false, contiguous = true;
    for (size_t axis = shape.size(); axis-- > 0;) {
      const uint64_t dim = tensor.shape[axis], stride = tensor.strides[axis];
      if (dim == 1 || empty) continue;
      contiguous = contiguous && stride == row;
      uint64_t reach;
      overflow |= __builtin_mul_overflow(dim - 1, stride, &reach);
      overflow |= __builtin_add_overflow(end, reach, &end);
      row *= dim;
    }
    if (!empty) overflow |= __builtin_add_overflow(end, uint64_t{1}, &end);
    const size_t count = all.data.size() / tensor.dtype.size();
    if (overflow || (!empty && end > count)) {
      values_.fail(field, fmt::format("elements within its {}", count),
                   fmt::format("shape {} from {}", to_string(shape), tensor.offset));
    }
    if (empty) return zeros(shape, tensor.dtype);
    const size_t first = tensor.offset * tensor.dtype.size();
    const size_t bytes = (end - tensor.offset) * tensor.dtype.size();
    Bytes elements{all.data.subspan(first, bytes), all.owner};
    if (big_endian_ && tensor.dtype.size() > 1) {
      budget_.spend(field, bytes);
      const Bytes swapped = allocate_bytes(bytes);
      std::memcpy(swapped.data.data(), elements.data.data(), bytes);
      swap_bytes(swapped.data, tensor.dtype);
      elements = swapped;
    }
    array values = contiguous ? array_of(elements, shape, tensor.dtype)
                              : strided(field, elements, shape, tensor, size);
    if (tensor.conjugate) values = mica::conjugate(values);
    if (tensor.negative) values = mica::negative(values);
    return values;
  }

  array strided(const std::string& field, const Bytes& elements, const Shape& shape,
                const Tensor& tensor, size_t size) {
    budget_.spend(field, size);
    const size_t count = elements.data.size() / tensor.dtype.size();
    const uint64_t dims[] = {count};
    const array vector =
        array_of(elements, checked_shape(values_.cursor().input(), field, dims), tensor.dtype);
    Strides strides;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      strides.push_back(shape[axis] == 1 ? 0 : static_cast<int64_t>(tensor.strides[axis]));
    }
    return as_strided(vector, shape, strides, 0);
  }

  Objects& objects_;
  const Unpickler& values_;
  StorageSource& source_;
  bool big_endian_;
  CopyBudget& budget_;
  std::vector<std::optional<Bytes>> bytes_;
  std::unordered_map<Ref, PickledValue> done_;
};

PickledValue Objects::value(const Unpickler& values, Ref root, StorageSource& source,
                            bool big_endian, CopyBudget& budget) {
  return Builder(*this, values, source, big_endian, budget).value(root);
}

}  // namespace mica::io::pytorch
