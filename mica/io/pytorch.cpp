// The two forms of PyTorch's files: since 1.6 a zip archive of a pickle and one entry a storage;
// before, pickles one behind the other and then the storages.

#include "mica/io/pytorch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "mica/io/content.h"
#include "mica/io/cursor.h"
#include "mica/io/pytorch_objects.h"
#include "mica/io/zip.h"

namespace mica {

namespace {

using io::Bytes;
using io::Cursor;
using io::Input;
using io::ZipArchive;
using io::pickle::Ref;
using io::pickle::Sequence;
using io::pickle::Text;
using io::pickle::Unpickler;
using io::pytorch::CopyBudget;
using io::pytorch::Objects;
using io::pytorch::Storage;
using io::pytorch::StorageSource;

constexpr const char* op = "load_pytorch_file";
constexpr const char* pickle_name = "data.pkl";

// The archive of a file: NAME/data.pkl, NAME/data/KEY and NAME/byteorder.
class Archive final : public StorageSource {
 public:
  Archive(Input& input, CopyBudget& budget) : input_(input), budget_(budget), archive_(input) {
    for (size_t i = 0; i < archive_.entries().size(); ++i) {
      const std::string& name = archive_.entries()[i].name;
      if (!places_.emplace(name, i).second) {
        input_.fail("archive", "each name once", "'" + name + "' twice");
      }
      const size_t slash = name.find('/');
      if (slash != std::string::npos && name.substr(slash + 1) == pickle_name) {
        prefix_ = name.substr(0, slash + 1);
      }
    }
    if (!places_.contains(prefix_ + pickle_name)) {
      input_.fail("archive", "an entry NAME/data.pkl", "none");
    }
  }

  PickledValue read() {
    const bool big_endian = is_big_endian();
    const auto entry = archive_.open(op, places_.at(prefix_ + pickle_name));
    Cursor cursor(*entry);
    entry->finish();
    Objects objects;
    Unpickler values(cursor, objects);
    const Ref root = values.read();
    return objects.value(values, root, *this, big_endian, budget_);
  }

  Bytes bytes(const std::string& key, size_t size) override {
    const std::string name = prefix_ + "data/" + key;
    const auto found = places_.find(name);
    if (found == places_.end()) input_.fail(name, "it in the archive", "none");
    const io::ZipEntry& entry = archive_.entries()[found->second];
    if (entry.size < size) {
      input_.fail(name, fmt::format("{} bytes", size), std::to_string(entry.size));
    }
    Bytes bytes = entry.stored ? archive_.stored_bytes(found->second) : inflated(found->second);
    bytes.data = bytes.data.first(size);
    return bytes;
  }

 private:
  bool is_big_endian() const {
    const std::string name = prefix_ + "byteorder";
    const auto found = places_.find(name);
    if (found == places_.end()) return false;
    const auto entry = archive_.open(op, found->second);
    const Bytes bytes = entry->take("byteorder", entry->remaining());
    const std::string_view order = bytes.text();
    if (order != "little" && order != "big") {
      input_.fail(name, "little or big", "'" + std::string(order) + "'");
    }
    return order == "big";
  }

  Bytes inflated(size_t place) const {
    const io::ZipEntry& entry = archive_.entries()[place];
    budget_.spend(entry.name, entry.size);
    const auto input = archive_.open(op, place);
    const Bytes bytes = input->take("data", entry.size);
    input->finish();
    return bytes;
  }

  const Input& input_;
  CopyBudget& budget_;
  ZipArchive archive_;
  std::unordered_map<std::string, size_t> places_;
  std::string prefix_;
};

// Pickles of a magic number, a version, facts on the machine, the value, and the keys of its
// storages; then each storage's size (int64) and its elements, little-endian on all machines.
class OldFile final : public StorageSource {
 public:
  OldFile(Input& input, CopyBudget& budget) : cursor_(input), budget_(budget) {}

  PickledValue read() {
    Objects none;
    // 119547037146038801333356, of which a double holds the most part.
    const std::optional<double> magic = number(none);
    if (!magic || std::abs(*magic - 119547037146038801333356.0) > 1e12) {
      cursor_.fail("magic", "that of a PyTorch file", "something else");
    }
    const std::optional<double> version = number(none);
    if (version != 1001) cursor_.fail("version", "1001", "another");
    Unpickler(cursor_, none).read();
    Objects objects;
    Unpickler values(cursor_, objects);
    const Ref root = values.read();
    read_storages(objects);
    return objects.value(values, root, *this, /*big_endian=*/false, budget_);
  }

  Bytes bytes(const std::string& key, size_t size) override {
    const auto found = storages_.find(key);
    if (found == storages_.end()) cursor_.fail("storage " + key, "it in the file", "none");
    if (found->second.data.size() < size) {
      cursor_.fail("storage " + key, fmt::format("{} bytes", size),
                   std::to_string(found->second.data.size()));
    }
    return found->second;
  }

 private:
  // The next pickle where it is a number.
  std::optional<double> number(Objects& none) {
    Unpickler values(cursor_, none);
    const Ref ref = values.read();
    if (const auto* const real = values.as<double>(ref)) return *real;
    if (const auto* const integer = values.as<int64_t>(ref)) return static_cast<double>(*integer);
    return std::nullopt;
  }

  void read_storages(const Objects& objects) {
    std::unordered_map<std::string, const Storage*> known;
    for (const Storage& storage : objects.storages()) known.emplace(storage.key, &storage);
    Objects none;
    Unpickler values(cursor_, none);
    const Ref list = values.read();
    const auto* const keys = values.as<Sequence>(list);
    if (!keys) cursor_.fail("storage keys", "a list", "another value");
    for (const Ref ref : keys->items) {
      const auto* const key = values.as<Text>(ref);
      if (!key) cursor_.fail("storage keys", "texts", "another value");
      const std::string field = "storage " + key->value;
      const auto storage = known.find(key->value);
      if (storage == known.end()) cursor_.fail(field, "it in a tensor", "none");
      const size_t itemsize =
          storage->second->dtype ? storage->second->dtype->size() : sizeof(uint8_t);
      const auto count = cursor_.number<int64_t>(field);
      if (count < 0 || static_cast<size_t>(count) > cursor_.remaining() / itemsize) {
        cursor_.fail(field, fmt::format("at most {} elements", cursor_.remaining() / itemsize),
                     std::to_string(count));
      }
      storages_[key->value] = cursor_.take(field, static_cast<size_t>(count) * itemsize);
    }
  }

  Cursor cursor_;
  CopyBudget& budget_;
  std::unordered_map<std::string, Bytes> storages_;
};

PickledValue read_file(Input& file) {
  const Bytes bytes = file.take("file", file.remaining());
  CopyBudget budget(file, bytes.data.size());
  io::BytesInput input(op, file.label(), bytes);
  if (bytes.text().starts_with("PK\3\4")) return Archive(input, budget).read();
  const std::string kind = io::kind_of_content(bytes.data);
  if (kind.starts_with("a safetensors") || kind.starts_with("a gguf") ||
      kind.starts_with("an npy") || kind.starts_with("an empty")) {
    file.fail("content", "a PyTorch file", kind);
  }
  return OldFile(input, budget).read();
}

}  // namespace

PickledValue load_pytorch_file(const std::string& file) {
  return read_file(*io::open_input(op, file));
}

PickledValue load_pytorch_file(std::shared_ptr<io::Reader> in_stream) {
  return read_file(*io::open_input(op, std::move(in_stream)));
}

}  // namespace mica
