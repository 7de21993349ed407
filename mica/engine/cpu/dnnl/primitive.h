// What every use of oneDNN shares: the engine, executable primitives and their cache. The only
// header that includes oneDNN's.
#pragma once

#include <dnnl.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/array/dtype.h"
#include "mica/engine/cpu/dnnl/dnnl.h"

namespace mica::cpu::onednn {

// Made before anything else of oneDNN is used: the first call limits its instruction set.
const dnnl::engine& engine();

// The oneDNN type of float32, bfloat16; others are never passed to it.
dnnl::memory::data_type data_type(Dtype::Val dtype);

// How many threads a primitive created here and now will use.
int thread_count();

dnnl::primitive_attr attributes(Epilogue epilogue, double alpha, double beta);

bool is_reference(const char* implementation);

// Held while primitives are made: threads that want the same one then make it once, and the
// thread sanitizer, which does not see oneDNN's own locks, sees this one.
std::mutex& creation_mutex();

// A primitive with its memory objects. An instance belongs to one thread.
class Primitive {
 public:
  struct Argument {
    int id;  // DNNL_ARG_...
    dnnl::memory::desc desc;
  };

  Primitive(dnnl::primitive primitive, const std::vector<Argument>& arguments,
            const dnnl::memory::desc& scratch);

  // `data` follows the order of the constructor's arguments.
  void run(std::initializer_list<const void*> data);

 private:
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  size_t scratch_bytes_;
};

// The numbers that identify a primitive.
class Key {
 public:
  Key(std::initializer_list<int64_t> words) { append(words); }
  void append(int64_t word) { words_[size_++] = word; }
  template <class Range>
  void append(const Range& words) {
    for (int64_t word : words) append(word);
  }

  size_t hash() const {
    uint64_t h = size_;
    for (size_t i = 0; i < size_; ++i) {
      h = (h ^ static_cast<uint64_t>(words_[i])) * 0x9e3779b97f4a7c15u;
      h ^= h >> 29;
    }
    return h;
  }
  bool operator==(const Key& other) const {
    return size_ == other.size_ && std::equal(begin(), begin() + size_, other.begin());
  }

 private:
  static constexpr size_t capacity = 40;
  const int64_t* begin() const { return words_.data(); }

  std::array<int64_t, capacity> words_;
  size_t size_ = 0;
};

// Least recently used cache of what `make` builds for a key. One for each thread and operation,
// so that lookups take no lock; oneDNN's own cache shares the generated code between threads.
template <class Value>
class Cache {
 public:
  template <class Make>
  Value& get(const Key& key, Make&& make) {
    auto it = entries_.find(key);
    if (it == entries_.end()) {
      const std::lock_guard lock(creation_mutex());
      Value value = make();
      if (entries_.size() >= capacity) evict();
      it = entries_.emplace(key, Entry{std::move(value), 0}).first;
    }
    it->second.last_use = ++clock_;
    return it->second.value;
  }

 private:
  static constexpr size_t capacity = 512;
  struct Entry {
    Value value;
    uint64_t last_use;
  };
  struct Hash {
    size_t operator()(const Key& key) const { return key.hash(); }
  };

  void evict() {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](auto& x, auto& y) {
      return x.second.last_use < y.second.last_use;
    }));
  }

  std::unordered_map<Key, Entry, Hash> entries_;
  uint64_t clock_ = 0;
};

}  // namespace mica::cpu::onednn
