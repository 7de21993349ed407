// The tokens of words that were met before.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "mica/text/vocabulary.h"

namespace mica::text {

// Of one thread at a time. Bounded: words that come when it is full, or are long, are not kept.
class WordCache {
 public:
  void encode(const Model& model, std::string_view word, std::vector<int32_t>& ids) {
    if (const auto found = words_.find(word); found != words_.end()) {
      ids.insert(ids.end(), found->second.begin(), found->second.end());
      return;
    }
    const size_t before = ids.size();
    model.encode(word, ids);
    if (word.size() <= longest && words_.size() < most) {
      words_.emplace(word,
                     std::vector<int32_t>(ids.begin() + static_cast<ptrdiff_t>(before), ids.end()));
    }
  }

 private:
  static constexpr size_t longest = 64;  // bytes
  static constexpr size_t most = 1 << 16;
  StringMap<std::vector<int32_t>> words_;
};

// Caches that are not in use: each call of encode() borrows one, so that threads need not wait for
// each other.
class WordCaches {
 public:
  class Loan {
   public:
    explicit Loan(WordCaches& owner) : owner_(owner), cache_(owner.take()) {}
    ~Loan() { owner_.give(std::move(cache_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    WordCache* operator->() const { return cache_.get(); }

   private:
    WordCaches& owner_;
    std::unique_ptr<WordCache> cache_;
  };

 private:
  std::unique_ptr<WordCache> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<WordCache>();
    std::unique_ptr<WordCache> cache = std::move(idle_.back());
    idle_.pop_back();
    return cache;
  }
  void give(std::unique_ptr<WordCache> cache) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < most_idle) idle_.push_back(std::move(cache));
  }

  static constexpr size_t most_idle = 64;
  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;
};

}  // namespace mica::text
