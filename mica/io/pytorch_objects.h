// What the pickle of a PyTorch file may name: containers, storages and what makes tensors of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mica/io/pickle.h"
#include "mica/io/pytorch.h"

namespace mica::io::pytorch {

struct Storage {
  std::string key;
  std::optional<Dtype> dtype;  // none for bytes
  size_t size = 0;             // elements, or bytes
};

// Where the bytes of storages are, once the pickle is read.
class StorageSource {
 public:
  virtual ~StorageSource() = default;
  // Throws where there are fewer than `size`.
  virtual Bytes bytes(const std::string& key, size_t size) = 0;
};

// Counts the bytes that are copied from a file against what one file may take, a multiple of its
// size: many tensors may be views of the same bytes.
class CopyBudget {
 public:
  explicit CopyBudget(const Input& input, size_t file_size)
      : input_(input), left_((size_t{1} << 20) + 16 * file_size) {}
  void spend(const std::string& field, size_t bytes);

 private:
  const Input& input_;
  size_t left_;
};

// The names of a PyTorch file, and the values that are left when its pickle was read.
class Objects final : public pickle::Resolver {
 public:
  pickle::Ref global(pickle::Unpickler& values, const std::string& module,
                     const std::string& name) override;
  pickle::Ref call(pickle::Unpickler& values, pickle::Ref function, pickle::Ref arguments) override;
  pickle::Ref persistent(pickle::Unpickler& values, pickle::Ref id) override;
  void build(pickle::Unpickler& values, pickle::Ref object, pickle::Ref state) override;

  // In the order they were met.
  const std::vector<Storage>& storages() const { return storages_; }
  PickledValue value(const pickle::Unpickler& values, pickle::Ref root, StorageSource& source,
                     bool big_endian, CopyBudget& budget);

 private:
  enum Kind : uint32_t { function_kind, type_kind, storage_type_kind, storage_kind, tensor_kind };
  enum class Function : uint32_t {
    ordered_dict,
    set,
    bytes,
    encode,
    size,
    device,
    layout,
    tensor,
    parameter,
    from_type,
    tensor_class,
    script_class,
    script_list,
    script_tag,
  };
  struct Tensor {
    uint32_t storage;
    Dtype dtype;
    size_t offset;  // in elements, as are the strides
    std::vector<uint64_t> shape;
    std::vector<uint64_t> strides;
    bool conjugate;
    bool negative;
  };
  struct NamedFunction {
    const char* name;  // with its module
    Function function;
  };
  class Builder;

  static const NamedFunction functions[];

  pickle::Ref rebuild_tensor(pickle::Unpickler& values, const std::vector<pickle::Ref>& arguments);
  // Reads the flags of a view that is conjugated or negated when it is used.
  void read_flags(pickle::Unpickler& values, pickle::Ref metadata, Tensor& tensor);

  std::vector<Storage> storages_;
  std::unordered_map<std::string, uint32_t> storage_of_key_;
  std::vector<Tensor> tensors_;
  std::unordered_set<pickle::Ref> script_objects_;
};

}  // namespace mica::io::pytorch
