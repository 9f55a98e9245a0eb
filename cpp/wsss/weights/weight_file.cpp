#include "wsss/weights/weight_file.h"

#include <array>

#include "wsss/core/error.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/mapped_file.h"
#include "wsss/weights/other_contents.h"

namespace wsss {

namespace {

struct Container {
  bool (*is)(std::span<const std::byte> bytes);
  WeightFile (*read)(const WeightBytes& file);
};

// Tar first, as PyTorch does: its magic number is a checksum over a whole block. Safetensors before MXNet and pickles:
// it begins with the length of its header, which may be the number that marks one of those; they never have a brace
// next.
constexpr std::array<Container, 5> kContainers{{{is_torch_tar, read_torch_tar},
                                                {is_torch_zip, read_torch_zip},
                                                {is_safetensors, read_safetensors_container},
                                                {is_mxnet, read_mxnet},
                                                {is_torch_legacy, read_torch_legacy}}};

/// Keeps the tensors whose names begin with the key, under the rest of their names.
void keep_part(WeightFile& file, const std::string& key) {
  const std::string prefix = key.ends_with('.') ? key : key + ".";
  std::vector<std::string> outside;
  const auto begins = [&](const std::string& name) { return name.starts_with(prefix) && name.size() > prefix.size(); };
  StateDict inside;
  for (const auto& [name, tensor] : file.tensors) {
    if (begins(name)) {
      inside.emplace_back(name.substr(prefix.size()), tensor);
    } else {
      outside.push_back(name);
    }
  }
  file.tensors = std::move(inside);
  std::erase_if(file.unread, [&](const auto& tensor) { return !begins(tensor.name); });
  for (auto& tensor : file.unread) tensor.name.erase(0, prefix.size());
  if (file.tensors.empty() && file.unread.empty()) {
    std::string there;
    for (const auto& [found, tensors] : file.state_dicts) {
      there += (there.empty() ? "; it holds " : ", ") + (found.empty() ? "." : found) + " (" + std::to_string(tensors) +
               " tensors)";
    }
    const std::string first = outside.empty() ? "" : "; its names are " + outside.front() + ", ...";
    throw Error(ErrorCode::kWeights, "no state dict of it has the key " + key + ", and no tensor's name begins with " +
                                         prefix + there + first);
  }
  file.key_prefix = prefix;
  file.outside = std::move(outside);
}

/// Whether a key has led to the state dict that was read.
bool is_way_to(const std::string& key, const WeightFile& file) {
  return key == "." || file.found_under == key || file.found_under.starts_with(key + ".");
}

}  // namespace

WeightFile read_weights(std::span<const std::byte> bytes, const std::shared_ptr<const void>& keep_alive,
                        const std::string& key) {
  if (bytes.empty()) throw Error(ErrorCode::kWeights, "it is empty");
  for (const Container& container : kContainers) {
    if (!container.is(bytes)) continue;
    WeightFile file = container.read({bytes, keep_alive, key});
    if (!key.empty() && !is_way_to(key, file)) keep_part(file, key);
    return file;
  }
  throw not_weights(bytes);
}

WeightFile read_weight_file(const std::string& path, const std::string& key) {
  const auto file = MappedFile::open(path);
  try {
    return read_weights(file->bytes(), file, key);
  } catch (const Error& error) {
    ErrorDetails details = error.details();
    details["path"] = path;
    throw Error(error.code(), "cannot load weights from " + path + ": " + error.what(), details);
  } catch (const c10::Error& error) {
    // What LibTorch refuses of a file's tensors is a fault of the file.
    throw Error(ErrorCode::kWeights,
                "cannot load weights from " + path + ": " + std::string(error.what_without_backtrace()),
                {{"path", path}});
  }
}

}  // namespace wsss
