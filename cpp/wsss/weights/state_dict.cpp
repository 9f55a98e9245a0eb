#include "wsss/weights/state_dict.h"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/remedy.h"

namespace wsss {

namespace {

void collect(const torch::nn::Module& module, const std::string& prefix, StateDict& out) {
  for (const auto& item : module.named_parameters(/*recurse=*/false))
    out.emplace_back(prefix + item.key(), item.value());
  for (const auto& item : module.named_buffers(/*recurse=*/false)) out.emplace_back(prefix + item.key(), item.value());
  for (const auto& child : module.named_children()) collect(*child.value(), prefix + child.key() + ".", out);
}

bool optional_name(const std::string& name) {
  static const std::string suffix = "num_batches_tracked";
  return name.size() >= suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
}

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

Error mismatch(const LoadReport& report, std::size_t expected, const std::string& source, const std::string& hint) {
  std::string message = source + " does not fit the network of " + std::to_string(expected) + " tensors";
  if (!report.missing.empty()) {
    message += "; it lacks " + std::to_string(report.missing.size()) + " (" + listed(report.missing) + ")";
  }
  if (!report.unexpected.empty()) {
    message += "; " + std::to_string(report.unexpected.size()) + " are unknown (" + listed(report.unexpected) + ")";
  }
  if (!report.misshapen.empty()) {
    message +=
        "; " + std::to_string(report.misshapen.size()) + " have another shape (" + listed(report.misshapen) + ")";
  }
  message += hint + ". Check that it belongs to this network, class count and width";
  return Error(ErrorCode::kWeights, message,
               {{"path", source},
                {"missing", report.missing},
                {"unexpected", report.unexpected},
                {"misshapen", report.misshapen},
                {kRemedies, std::vector<std::string>{kPartialLoad}}});
}

}  // namespace

StateDict state_dict(const torch::nn::Module& network) {
  StateDict result;
  collect(network, "", result);
  return result;
}

StateDict snapshot(const torch::nn::Module& network) {
  StateDict result = state_dict(network);
  for (auto& [name, tensor] : result) {
    tensor = tensor.detach().to(torch::kCPU, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true,
                                torch::MemoryFormat::Contiguous);
  }
  return result;
}

std::string fingerprint_of(const torch::nn::Module& network) {
  // FNV-1a over words of eight bytes.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto take = [&hash](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3ULL; };
  const auto take_bytes = [&take](const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes + i, std::min(sizeof word, size - i));
      take(word);
    }
    take(size);
  };
  for (const auto& [name, tensor] : snapshot(network)) {
    take_bytes(name.data(), name.size());
    take(static_cast<std::uint64_t>(tensor.scalar_type()));
    for (const std::int64_t length : tensor.sizes()) take(static_cast<std::uint64_t>(length));
    take_bytes(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  }
  std::ostringstream text;
  text << std::hex << hash;
  return text.str();
}

LoadReport load_state_dict(torch::nn::Module& network, const StateDict& tensors, const std::string& source,
                           const LoadOptions& options) {
  const torch::NoGradGuard no_grad;
  std::unordered_map<std::string, at::Tensor> given(tensors.begin(), tensors.end());
  StateDict own = state_dict(network);
  LoadReport report;
  std::unordered_set<std::string> known;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& [name, tensor] : own) {
    known.insert(name);
    const auto found = given.find(name);
    if (found == given.end()) {
      const bool is_fresh = std::any_of(options.fresh.begin(), options.fresh.end(),
                                        [&key = name](const std::string& prefix) { return key.starts_with(prefix); });
      if (is_fresh) {
        report.fresh.push_back(name);
      } else if (!optional_name(name)) {
        report.missing.push_back(name);
      }
    } else if (found->second.sizes() != tensor.sizes()) {
      report.misshapen.push_back(name + ": file " + shape_text(found->second) + ", network " + shape_text(tensor));
    } else {
      report.loaded.push_back(name);
      copies.emplace_back(tensor, found->second);
    }
  }
  for (const auto& item : tensors) {
    if (known.count(item.first) == 0) report.unexpected.push_back(item.first);
  }
  if (options.strict && !report.complete()) throw mismatch(report, own.size(), source, options.hint);
  const bool keeps_some = !report.fresh.empty() || !report.missing.empty() || !report.misshapen.empty();
  if (keeps_some && options.initialize) options.initialize();
  for (auto& [target, value] : copies) target.copy_(value);
  return report;
}

void require_unique_names(const StateDict& tensors, const std::string& path) {
  std::unordered_set<std::string> names;
  for (const auto& item : tensors) {
    if (names.insert(item.first).second && item.first != "__metadata__") continue;
    throw Error(ErrorCode::kWeights, "cannot write " + path + ": the name " + item.first + " stands for two things",
                {{"path", path}});
  }
}

}  // namespace wsss
