// Finds the state dict inside a nested PyTorch checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "wsss/weights/pickle.h"
#include "wsss/weights/weight_file.h"

namespace wsss {

/// One dictionary of a pickle that holds tensors, and the way to it.
struct StateDictPlace {
  /// A container on the way, and the place of the next one among its items.
  struct Step {
    PickleValue container;
    std::size_t item;
  };

  PickleValue dictionary;
  std::size_t tensors = 0;
  std::vector<Step> way;
};

/// Looks for the state dict in what was saved, whatever else lies beside it.
class StateDictSearch {
 public:
  StateDictSearch(const Pickle& pickle, const std::function<bool(const PickleValue&)>& is_tensor)
      : pickle_(pickle), is_tensor_(is_tensor) {}

  /// The state dict that a key of several parts leads to, such as "model.ema"; "." is the top level. Without a key: the
  /// one under "state_dict", "model" and the like, otherwise the dictionary with most tensors. State of optimisers does
  /// not count.
  ///
  /// @return  none, the one, or several of which none is much larger than the others.
  std::vector<StateDictPlace> find(std::string_view key);

  /// All the state dicts that there are, in the order of the file; at most 64.
  std::vector<StateDictPlace> all();

  /// "model.ema"; "" for the top level.
  std::string path_of(const StateDictPlace& place) const;

  /// The keys beside the way to a state dict, such as "epoch" and "optimizer".
  std::vector<std::string> keys_beside(const StateDictPlace& place) const;

  /// What the file holds instead, for the message that there is no state dict.
  std::string what_it_holds() const;

 private:
  using Way = std::vector<StateDictPlace::Step>;

  std::vector<StateDictPlace> in(const PickleValue& value, const Way& way);
  void collect(const PickleValue& value, const Way& way, std::vector<StateDictPlace>& out);
  std::vector<StateDictPlace> at(const PickleValue& value, std::string_view key, const Way& way);
  bool enters(const PickleValue& value, const Way& way);
  std::size_t tensors_in(const PickleValue& dictionary) const;
  bool is_optimizer(const PickleValue& dictionary) const;

  /// Number of values inside a container; 0 for other values.
  std::size_t size_of(const PickleValue& container) const;
  const PickleValue& child(const PickleValue& container, std::size_t item) const;
  /// A key that is text; empty for others.
  std::string_view text_key(const PickleValue& container, std::size_t item) const;
  std::string key_of(const PickleValue& container, std::size_t item) const;

  const Pickle& pickle_;
  const std::function<bool(const PickleValue&)>& is_tensor_;
  std::unordered_set<std::uint32_t> visited_;
};

/// A key as text. @throws Error kWeights if it is longer than any name: a few bytes can repeat a long key as often as
/// they like.
std::string key_text(const PickleValue& key);

/// @throws Error  kWeights if a key is longer than any name.
std::string_view checked_key(std::string_view key);

}  // namespace wsss
