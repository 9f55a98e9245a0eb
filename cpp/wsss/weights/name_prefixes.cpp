#include "wsss/weights/name_prefixes.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace wsss {

namespace {

// torch.compile, FullyShardedDataParallel, activation checkpointing; no network of ours has a part of these names.
constexpr std::array<std::string_view, 3> kWrappers{"_orig_mod.", "_fsdp_wrapped_module.",
                                                    "_checkpoint_wrapped_module."};
// DataParallel around a part; around the whole it is a prefix like others, since names beside it mean something then.
constexpr std::string_view kParallel = "module.";
constexpr std::array<std::string_view, 4> kBookkeeping{"n_averaged", "_extra_state", "total_ops", "total_params"};
constexpr int kDeepestPrefix = 4;
// A prefix counts if one in so many tensors has it.
constexpr std::size_t kSmallestShare = 8;

/// Removes a part of a name wherever it begins after a dot, or, if `at_start`, also at its start.
bool take_out(std::string& name, std::string_view part, bool at_start) {
  bool found = false;
  for (std::size_t at = name.find(part); at != std::string::npos; at = name.find(part, at)) {
    if (at == 0 ? !at_start : name[at - 1] != '.') {
      ++at;
      continue;
    }
    name.erase(at, part.size());
    found = true;
  }
  return found;
}

}  // namespace

std::vector<std::string> take_out_wrappers(StateDict& tensors) {
  StateDict bare = tensors;
  std::vector<std::string> found;
  std::unordered_set<std::string> names;
  const auto note = [&](std::string_view wrapper) {
    if (std::find(found.begin(), found.end(), wrapper) == found.end()) found.emplace_back(wrapper);
  };
  for (auto& [name, tensor] : bare) {
    for (const auto wrapper : kWrappers) {
      if (take_out(name, wrapper, /*at_start=*/true)) note(wrapper);
    }
    // "module.module." at the start is two prefixes.
    const bool is_wrapped_whole = name.starts_with(kParallel);
    if (!is_wrapped_whole && take_out(name, kParallel, /*at_start=*/false)) note(kParallel);
    if (!names.insert(name).second) return {};
  }
  tensors = std::move(bare);
  return found;
}

std::vector<std::string> common_prefixes(const StateDict& tensors) {
  std::vector<std::pair<std::string, std::size_t>> counts;  // In the order of the file.
  std::unordered_map<std::string, std::size_t> places;
  for (const auto& [name, tensor] : tensors) {
    std::size_t end = name.find('.');
    for (int depth = 0; depth < kDeepestPrefix && end != std::string::npos; ++depth, end = name.find('.', end + 1)) {
      if (end + 1 == name.size()) continue;
      const auto [place, is_new] = places.emplace(name.substr(0, end + 1), counts.size());
      if (is_new) counts.emplace_back(place->first, 0);
      ++counts[place->second].second;
    }
  }
  std::vector<std::string> prefixes;
  for (const auto& [prefix, count] : counts) {
    if (count * kSmallestShare >= tensors.size()) prefixes.push_back(prefix);
  }
  std::stable_sort(prefixes.begin(), prefixes.end(),
                   [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  return prefixes;
}

std::string prefix_of_all(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string_view common = names.front();
  for (const std::string& name : names) {
    const auto ends = std::mismatch(common.begin(), common.end(), name.begin(), name.end());
    common = common.substr(0, static_cast<std::size_t>(ends.first - common.begin()));
  }
  const auto dot = common.rfind('.');
  return dot == std::string_view::npos ? std::string() : std::string(common.substr(0, dot + 1));
}

bool is_bookkeeping(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return std::find(kBookkeeping.begin(), kBookkeeping.end(), last) != kBookkeeping.end();
}

}  // namespace wsss
