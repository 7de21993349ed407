#include "mica/engine/op_fields.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "mica/ops/elementwise/elementwise.h"
#include "mica/ops/op_list.h"
#include "mica/ops/op_names.h"
#include "mica/ops/primitives.h"

namespace mica::engine {

namespace {

template <class T>
struct IsRuntime : std::false_type {};
template <class T>
struct IsRuntime<Runtime<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsPair : std::false_type {};
template <class A, class B>
struct IsPair<std::pair<A, B>> : std::true_type {};
template <class T>
struct IsTuple : std::false_type {};
template <class... Ts>
struct IsTuple<std::tuple<Ts...>> : std::true_type {};

template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;
template <class T>
concept List = requires(T t) {
  typename T::value_type;
  t.push_back(std::declval<typename T::value_type>());
};
template <class T>
using Fields = decltype(tie_fields(std::declval<const T&>()));

// Whether a field can be stored: anything but functions and pointers.
template <class T>
constexpr bool storable();
template <class Tuple>
struct AllStorable;
template <class... Ts>
struct AllStorable<std::tuple<Ts...>> {
  static constexpr bool value = (storable<std::remove_cvref_t<Ts>>() && ...);
};
template <class T>
constexpr bool storable() {
  if constexpr (Plain<T> || std::is_same_v<T, Dtype> || std::is_same_v<T, std::string>) {
    return true;
  } else if constexpr (IsRuntime<T>::value) {
    return storable<decltype(T::value)>();
  } else if constexpr (IsOptional<T>::value || List<T>) {
    return storable<typename T::value_type>();
  } else if constexpr (IsPair<T>::value) {
    return storable<typename T::first_type>() && storable<typename T::second_type>();
  } else if constexpr (std::is_aggregate_v<T>) {
    return AllStorable<Fields<T>>::value;
  } else {
    return false;
  }
}

class Writer {
 public:
  template <class T>
  void write(const T& field) {
    if constexpr (Plain<T>) {
      bytes_.append(reinterpret_cast<const char*>(&field), sizeof(field));
    } else if constexpr (std::is_same_v<T, Dtype>) {
      write(field.val());
    } else if constexpr (IsRuntime<T>::value) {
      write(field.value);
    } else if constexpr (IsOptional<T>::value) {
      write(field.has_value());
      if (field) write(*field);
    } else if constexpr (List<T>) {
      write(uint64_t{field.size()});
      for (const auto& element : field) write(element);
    } else if constexpr (IsPair<T>::value) {
      write(field.first);
      write(field.second);
    } else {
      for_each_field(field, [&](const auto& part) { write(part); });
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  T read() {
    if constexpr (std::is_same_v<T, bool>) {
      return read<uint8_t>() != 0;
    } else if constexpr (Plain<T>) {
      T value{};
      if (rest_.size() < sizeof(T)) return fail(), value;
      std::memcpy(&value, rest_.data(), sizeof(T));
      rest_ = rest_.subspan(sizeof(T));
      return value;
    } else if constexpr (std::is_same_v<T, Dtype>) {
      return read_dtype();
    } else if constexpr (IsRuntime<T>::value) {
      return T{read<decltype(T::value)>()};
    } else if constexpr (IsOptional<T>::value) {
      return read<bool>() ? T(read<typename T::value_type>()) : T();
    } else if constexpr (List<T>) {
      return read_list<T>();
    } else if constexpr (IsPair<T>::value) {
      auto first = read<typename T::first_type>();
      return T(std::move(first), read<typename T::second_type>());
    } else {
      return read_aggregate<T>(static_cast<Fields<T>*>(nullptr));
    }
  }
  bool ended() const { return !failed_ && rest_.empty(); }

 private:
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  Dtype read_dtype() {
    constexpr Dtype dtypes[dtype_count] = {bool_,   uint8,   uint16,   uint32,   uint64,
                                           int8,    int16,   int32,    int64,    float16,
                                           float32, float64, bfloat16, complex64};
    const auto val = read<uint8_t>();
    if (val >= dtype_count) return fail(), bool_;
    return dtypes[val];
  }
  template <class T>
  T read_list() {
    T list;
    const auto size = read<uint64_t>();
    if (size > rest_.size()) return fail(), list;  // each element takes a byte at least
    for (uint64_t i = 0; i < size && !failed_; ++i) {
      list.push_back(read<typename T::value_type>());
    }
    return list;
  }
  // Braces, so that the fields are read in order.
  template <class T, class... Ts>
  T read_aggregate(std::tuple<Ts...>*) {
    return T{read<std::remove_cvref_t<Ts>>()...};
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

template <class T>
void add_values(const T& field, std::vector<StateT>& values) {
  if constexpr (std::is_enum_v<T>) {
    values.emplace_back(static_cast<int>(field));
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if constexpr (sizeof(T) > sizeof(int)) {
      values.emplace_back(static_cast<size_t>(field));
    } else {
      values.emplace_back(static_cast<int>(field));
    }
  } else if constexpr (std::is_constructible_v<StateT, std::in_place_type_t<T>, const T&>) {
    values.emplace_back(std::in_place_type<T>, field);
  } else if constexpr (IsRuntime<T>::value) {
    add_values(field.value, values);
  } else if constexpr (IsOptional<T>::value) {
    if (field) add_values(*field, values);
  } else if constexpr (List<T>) {
    for (const auto& element : field) add_values(element, values);
  } else if constexpr (IsPair<T>::value) {
    add_values(field.first, values);
    add_values(field.second, values);
  } else {
    for_each_field(field, [&](const auto& part) { add_values(part, values); });
  }
}

struct Storage {
  std::string (*write)(const Op&);
  OpRef (*read)(Reader&);
  void (*add_values)(const Op&, std::vector<StateT>&);
};

template <class T>
Storage storage_of() {
  if constexpr (std::is_empty_v<T>) {
    return {[](const Op&) { return std::string(); }, [](Reader&) { return make_op(T{}); },
            [](const Op&, std::vector<StateT>&) {}};
  } else if constexpr (storable<T>()) {
    return {
        [](const Op& op) {
          Writer writer;
          writer.write(attributes<T>(op));
          return writer.take();
        },
        [](Reader& reader) { return make_op(reader.read<T>()); },
        [](const Op& op, std::vector<StateT>& values) { add_values(attributes<T>(op), values); }};
  } else {
    return {};
  }
}

const Storage& storage(OpId id) {
  static const std::array<Storage, static_cast<size_t>(OpId::count)> table = {
#define MICA_ELEMENTWISE(Type) storage_of<ops::Type>(),
#define MICA_OP(Type) storage_of<ops::Type>(),
#include "mica/ops/ops.def"
  };
  return table[static_cast<size_t>(id)];
}

}  // namespace

std::string write_attributes(const Op& op) {
  const Storage& stored = storage(op.id);
  if (stored.write) return stored.write(op);
  throw std::invalid_argument("export_function: expected ops that can be stored, got " +
                              std::string(op_name(op.id)) + ", which holds a function of yours");
}

OpRef read_attributes(OpId id, std::span<const std::byte> bytes) {
  const Storage& stored = storage(id);
  if (!stored.read) return {};
  Reader reader(bytes);
  OpRef op = stored.read(reader);
  return reader.ended() ? op : OpRef();
}

std::vector<StateT> attribute_values(const Op& op) {
  std::vector<StateT> values;
  if (const Storage& stored = storage(op.id); stored.add_values) stored.add_values(op, values);
  return values;
}

}  // namespace mica::engine
