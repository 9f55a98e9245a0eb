#include "wsss/weight_tools/weight_inspection.h"

#include <algorithm>
#include <unordered_set>

#include "wsss/core/libtorch.h"
#include "wsss/weight_tools/networks.h"
#include "wsss/weights/foreign_names.h"
#include "wsss/weights/tensor_kinds.h"

namespace wsss {

namespace {

TensorSummary summary_of(const std::string& name, const at::Tensor& tensor, bool statistics) {
  TensorSummary summary{name, dtype_name(tensor.scalar_type()), tensor.sizes().vec(), 0.0, 0.0};
  if (!statistics || tensor.numel() == 0) return summary;
  // Bytes of a bool that are neither 0 nor 1 may come from a file; as numbers they are harmless.
  const bool is_bool = tensor.scalar_type() == c10::kBool;
  const at::Tensor values = (is_bool ? tensor.view(c10::kByte).ne(0) : tensor).to(at::kDouble);
  summary.sum = values.sum().item<double>();
  summary.abs_max = values.abs().max().item<double>();
  return summary;
}

NetworkFit fit_of(const KnownNetwork& network, const WeightFile& file) {
  const NamedForNetwork named = named_for_network(file, network.names);
  const std::unordered_set<std::string> ours(network.names.begin(), network.names.end());
  std::unordered_set<std::string> theirs;
  NetworkFit fit;
  fit.network = network.title;
  fit.origin = named.origin;
  fit.stripped = named.stripped;
  fit.rivals = named.rivals;
  for (const auto& [name, tensor] : named.tensors) {
    theirs.insert(name);
    if (!ours.contains(name)) {
      fit.unexpected.push_back(name);
      continue;
    }
    ++fit.matched;
    if (name == network.width_tensor && tensor.dim() > 0) {
      fit.width = static_cast<double>(tensor.size(0)) / network.channels_at_width_1;
    }
  }
  for (const auto& tensor : named.unread) {
    if (ours.contains(tensor.name)) fit.unread.push_back(tensor.tensor.name);
  }
  for (const auto& name : network.names) {
    const bool optional = name.ends_with("num_batches_tracked") ||
                          std::any_of(named.fresh.begin(), named.fresh.end(),
                                      [&](const std::string& prefix) { return name.starts_with(prefix); });
    if (!optional && !theirs.contains(name)) fit.missing.push_back(name);
  }
  return fit;
}

}  // namespace

WeightInspection inspect_weights(const std::string& path, const std::string& key, bool statistics,
                                 const CancelToken& cancel) {
  const torch::NoGradGuard no_grad;
  const WeightFile file = read_weight_file(path, key);
  WeightInspection result;
  result.container = file.container;
  result.found_under = file.found_under;
  result.other_keys = file.other_keys;
  result.metadata = file.metadata;
  result.state_dicts = file.state_dicts;
  result.unread = file.unread;
  result.skipped_objects = file.skipped_objects;
  for (const auto& [name, tensor] : file.tensors) {
    cancel.check();
    result.tensors.push_back(summary_of(name, tensor, statistics));
  }
  for (const KnownNetwork& network : known_networks()) {
    NetworkFit fit = fit_of(network, file);
    if (fit.matched > 0) result.fits.push_back(std::move(fit));
  }
  std::stable_sort(result.fits.begin(), result.fits.end(),
                   [](const NetworkFit& a, const NetworkFit& b) { return a.matched > b.matched; });
  return result;
}

}  // namespace wsss
