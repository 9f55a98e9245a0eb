// Which part of a file is meant for a network: wrappers and prefixes of names, before they are translated.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "wsss/core/libtorch.h"
#include "wsss/weights/foreign_names.h"
#include "wsss/weights/name_prefixes.h"
#include "wsss/weights/name_translations.h"

namespace wsss {

namespace {

/// A network that tensors are named for.
class Target {
 public:
  explicit Target(const std::vector<std::string>& names) : names_(names), set_(names.begin(), names.end()) {}

  NetworkHas has() const {
    return [this](std::string_view name) { return set_.contains(std::string(name)); };
  }

  /// How many of its tensors are there, and how many are not but should be.
  struct Fit {
    std::size_t matched = 0;
    std::size_t missing = 0;

    bool operator==(const Fit&) const = default;
    bool better_than(const Fit& other) const {
      return matched > other.matched || (matched == other.matched && missing < other.missing);
    }
  };

  Fit fit(const NamedForNetwork& named) const {
    std::unordered_set<std::string> there;
    Fit fit;
    for (const auto& [name, tensor] : named.tensors) {
      if (set_.contains(name) && there.insert(name).second) ++fit.matched;
    }
    fit.missing = static_cast<std::size_t>(std::count_if(names_.begin(), names_.end(), [&](const std::string& name) {
      const bool is_fresh = std::any_of(named.fresh.begin(), named.fresh.end(),
                                        [&](const std::string& prefix) { return name.starts_with(prefix); });
      return !is_fresh && !there.contains(name);
    }));
    return fit;
  }

 private:
  const std::vector<std::string>& names_;
  std::unordered_set<std::string> set_;
};

/// The tensors under a prefix, translated without it; the names of the others go to `dropped`.
NamedForNetwork translated_under(const std::string& prefix, const StateDict& tensors, const Target& network) {
  StateDict inside;
  std::vector<std::string> outside;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix) && name.size() > prefix.size()) {
      inside.emplace_back(name.substr(prefix.size()), tensor);
    } else {
      outside.push_back(name);
    }
  }
  NamedForNetwork result = translate_names(inside, network.has());
  result.dropped.insert(result.dropped.end(), outside.begin(), outside.end());
  result.stripped = {prefix};
  return result;
}

/// The translation under the prefix with which most names fit; none is taken off where names fit as well with it.
NamedForNetwork best_translation(const StateDict& tensors, const Target& network) {
  NamedForNetwork best = translate_names(tensors, network.has());
  Target::Fit best_fit = network.fit(best);
  for (const std::string& prefix : common_prefixes(tensors)) {
    NamedForNetwork named = translated_under(prefix, tensors, network);
    const Target::Fit fit = network.fit(named);
    // A whole segmenter, the published one or ours, is another network and no backbone with something beside it.
    const bool is_segmenter = std::any_of(named.dropped.begin(), named.dropped.end(), [](const std::string& name) {
      return name.ends_with("decoder.last_conv.8.weight");
    });
    if (is_segmenter) continue;
    // A few names that fit by chance are no reason.
    if (2 * fit.matched < named.tensors.size() || fit.matched == 0) continue;
    if (fit.better_than(best_fit)) {
      best_fit = fit;
      best = std::move(named);
    } else if (fit == best_fit && !best.stripped.empty() && !prefix.starts_with(best.stripped.front())) {
      best.rivals.push_back(prefix);
    }
  }
  return best;
}

/// Tensors that are not read take part in the naming as empty ones, and are told by their identity afterwards.
class Placeholders {
 public:
  explicit Placeholders(const WeightFile& file) : unread_(file.unread) {
    for (std::size_t i = 0; i < unread_.size(); ++i) {
      tensors_.push_back(at::empty({0}));
      places_[tensors_.back().unsafeGetTensorImpl()] = i;
    }
  }

  StateDict with(const StateDict& tensors) const {
    StateDict all = tensors;
    for (std::size_t i = 0; i < unread_.size(); ++i) all.emplace_back(unread_[i].name, tensors_[i]);
    return all;
  }

  void move_out(NamedForNetwork& named) const {
    if (unread_.empty()) return;
    std::erase_if(named.tensors, [&](const auto& item) {
      const auto found = places_.find(item.second.unsafeGetTensorImpl());
      if (found == places_.end()) return false;
      named.unread.push_back({unread_[found->second], item.first});
      return true;
    });
  }

 private:
  const std::vector<UnreadTensor>& unread_;
  std::vector<at::Tensor> tensors_;
  std::unordered_map<const c10::TensorImpl*, std::size_t> places_;
};

}  // namespace

NamedForNetwork named_for_network(const WeightFile& file, const std::vector<std::string>& network_names) {
  const Target network(network_names);
  const Placeholders placeholders(file);
  StateDict tensors = placeholders.with(file.tensors);
  NamedForNetwork named;
  if (file.container.starts_with("MXNet") && network.has()("fc8.weight")) {
    named = translate_mxnet_names(tensors);
  } else {
    std::vector<std::string> bookkeeping;
    std::erase_if(tensors, [&](const auto& item) {
      if (!is_bookkeeping(item.first)) return false;
      bookkeeping.push_back(item.first);
      return true;
    });
    const std::vector<std::string> wrappers = take_out_wrappers(tensors);
    named = best_translation(tensors, network);
    named.stripped.insert(named.stripped.begin(), wrappers.begin(), wrappers.end());
    named.dropped.insert(named.dropped.end(), bookkeeping.begin(), bookkeeping.end());
  }
  placeholders.move_out(named);
  named.dropped.insert(named.dropped.end(), file.outside.begin(), file.outside.end());
  if (!file.key_prefix.empty()) named.stripped.insert(named.stripped.begin(), file.key_prefix);
  return named;
}

}  // namespace wsss
