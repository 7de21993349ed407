// The keys and values of the tokens that a model has seen, in arrays of a fixed capacity: how many
// of them count is an argument of attention, so that each further token runs the plan of the one
// before.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "mica/array/array.h"

namespace llm {

using mica::array;

// What the queries of some tokens attend to.
struct Visible {
  array keys, values;           // (batch, heads, capacity, size)
  array length;                 // how many of them count, int32; all where there is a mask
  std::optional<array> mask{};  // (tokens, capacity), true where a key is seen; else it is causal
};

// softmax(scale * queries @ keys^T) @ values over what is visible; scores become
// softcap * tanh(score / softcap) where that is given. queries: (batch, heads, tokens, size).
array attend(const array& queries, const Visible& visible, float scale,
             std::optional<float> softcap = std::nullopt);

struct CacheOptions {
  int capacity = 256;            // tokens to make room for at first; doubles where it must
  std::optional<int> most = {};  // tokens to keep in all layers; older ones make room
  int keep = 4;                  // of `most`, the first ones, which stay ("attention sinks")
};

// A layer with a window keeps the last `window` tokens: keys beyond it are overwritten, in a ring.
// Positions go on counting.
class Cache {
 public:
  // windows: one for each layer, nullopt where it sees all tokens.
  explicit Cache(const std::vector<std::optional<int>>& windows, const CacheOptions& options = {});

  // Tokens seen, which is the position of the next one.
  int position() const { return position_; }
  // The same as an int32 scalar.
  const array& position_array() const { return position_array_; }

  // A model calls begin() before its layers, append() once in each layer, and end() after them.
  void begin(int tokens);
  // Adds keys and values (batch, heads, tokens, size) and returns all that are visible.
  Visible append(size_t layer, const array& keys, const array& values);
  void end();

  // Every array that is held, for eval.
  std::vector<array> arrays() const;

 private:
  // How the layers of one window hold their tokens: the first `keep` in the first slots, the others
  // in a ring of the rest once there is no room.
  struct Ring {
    int limit;         // most tokens held, 0 without a limit
    int keep;          // of these, the first ones
    int capacity = 0;  // slots so far
    // Of the tokens that are being added:
    int start = 0;                  // the slot of the first
    std::optional<array> length{};  // tokens held afterwards
    std::optional<array> mask{};    // where a ring is overwritten by several tokens at once, and
    std::optional<array> source{};  // the places of the ring's new contents in ring and tokens

    void place(int position, int tokens, int at_first);

   private:
    int slot(int position) const;
    // The position of the token that a slot holds after `count` tokens, -1 where it is empty.
    int held(int slot, int count) const;
  };
  struct Layer {
    size_t ring;  // index
    std::optional<array> keys{}, values{};
  };

  int capacity_at_first_;
  int position_ = 0;
  int tokens_ = 0;  // being added
  array position_array_;
  std::vector<Ring> rings_;
  std::vector<Layer> layers_;
};

}  // namespace llm
