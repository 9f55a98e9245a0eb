#include "wsss/weight_tools/convert_weights.h"

#include <torch/torch.h>

#include "wsss/weight_tools/networks.h"
#include "wsss/weights/foreign_names.h"
#include "wsss/weights/safetensors.h"
#include "wsss/weights/torch_zip_writer.h"

namespace wsss {

namespace {

/// The translation to the network that shares most names with the file.
NamedForNetwork best_translation(const WeightFile& file) {
  NamedForNetwork best{"", file.tensors, {}, {}, {}};
  std::int64_t most = 0;
  for (const KnownNetwork& network : known_networks()) {
    NamedForNetwork named = named_for_network(file, network.names);
    const std::int64_t shared = network.shared_names(named.tensors);
    if (shared <= most) continue;
    most = shared;
    best = std::move(named);
  }
  return best;
}

}  // namespace

Conversion convert_weights(const std::string& input, const std::string& output, bool translate,
                           const CancelToken& cancel) {
  const WeightFile file = read_weight_file(input);
  cancel.check();
  const NamedForNetwork named = translate ? best_translation(file) : NamedForNetwork{"", file.tensors, {}, {}, {}};
  if (output.ends_with(".pth")) {
    write_torch_zip(output, translate ? with_published_aliases(named.tensors) : named.tensors);
  } else {
    write_safetensors(output, named.tensors, file.metadata);
  }
  return {file.container, named.origin, named.dropped, static_cast<std::int64_t>(named.tensors.size())};
}

}  // namespace wsss
