#include "wsss/weight_tools/convert_weights.h"

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weight_tools/networks.h"
#include "wsss/weights/foreign_names.h"
#include "wsss/weights/safetensors.h"
#include "wsss/weights/torch_zip_writer.h"

namespace wsss {

namespace {

NamedForNetwork as_it_is(const WeightFile& file) {
  NamedForNetwork named;
  named.tensors = file.tensors;
  named.dropped = file.outside;
  return named;
}

/// The translation to the network that shares most names with the file.
NamedForNetwork best_translation(const WeightFile& file) {
  NamedForNetwork best = as_it_is(file);
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

Conversion convert_weights(const std::string& input, const std::string& key, const std::string& output, bool translate,
                           const CancelToken& cancel) {
  const WeightFile file = read_weight_file(input, key);
  cancel.check();
  const NamedForNetwork named = translate ? best_translation(file) : as_it_is(file);
  if (named.tensors.empty()) {
    throw Error(ErrorCode::kWeights,
                "cannot convert " + input + ": none of its " + std::to_string(file.unread.size()) +
                    " tensors is of a kind that is read" +
                    (file.unread.empty() ? "" : "; " + file.unread[0].name + " is " + file.unread[0].kind),
                {{"path", input}});
  }
  if (output.ends_with(".pth")) {
    write_torch_zip(output, translate ? with_published_aliases(named.tensors) : named.tensors);
  } else {
    write_safetensors(output, named.tensors, file.metadata);
  }
  Conversion conversion{file.container,
                        named.origin,
                        named.dropped,
                        {},
                        named.stripped,
                        file.found_under,
                        static_cast<std::int64_t>(named.tensors.size())};
  for (const auto& [name, kind] : file.unread) conversion.unread.push_back(name + ": " + kind);
  return conversion;
}

}  // namespace wsss
