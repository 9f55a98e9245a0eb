#include "wsss/weights/weight_file.h"

#include <array>

#include "wsss/core/error.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/mapped_file.h"

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

}  // namespace

WeightFile read_weights(std::span<const std::byte> bytes, const std::shared_ptr<const void>& keep_alive) {
  if (bytes.empty()) throw Error(ErrorCode::kWeights, "it is empty");
  for (const Container& container : kContainers) {
    if (container.is(bytes)) return container.read({bytes, keep_alive});
  }
  throw Error(ErrorCode::kWeights,
              "it is none of the known containers (PyTorch .pth, MXNet .params, safetensors), or is cut off");
}

WeightFile read_weight_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  try {
    return read_weights(file->bytes(), file);
  } catch (const Error& error) {
    throw Error(error.code(), "cannot load weights from " + path + ": " + error.what(), {{"path", path}});
  } catch (const c10::Error& error) {
    // What LibTorch refuses of a file's tensors is a fault of the file.
    throw Error(ErrorCode::kWeights,
                "cannot load weights from " + path + ": " + std::string(error.what_without_backtrace()),
                {{"path", path}});
  }
}

}  // namespace wsss
