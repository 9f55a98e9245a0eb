// Fuzz target: one weight reader on arbitrary bytes. WSSS_FUZZ_READER names the reader (zip, legacy, tar, mxnet, safetensors), so that
// a mutated magic number does not end every try; with "any" or without it the content decides, as in the product, and a key chooses.
//
// Whatever the bytes are, the reader must return or throw wsss::Error: no crash, no leak, no read outside the input (the input is a heap
// block of its exact size, under AddressSanitizer), no memory beyond a small factor of it.

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/weights/containers.h"
#include "wsss/weights/foreign_names.h"

namespace {

using Reader = wsss::WeightFile (*)(const wsss::WeightBytes&);

wsss::WeightFile read_any(const wsss::WeightBytes& file) {
  return wsss::read_weights(file.bytes, file.keep_alive, "model.ema");
}

Reader chosen_reader() {
  static const std::map<std::string, Reader> readers{{"", read_any},
                                                     {"any", read_any},
                                                     {"zip", wsss::read_torch_zip},
                                                     {"legacy", wsss::read_torch_legacy},
                                                     {"tar", wsss::read_torch_tar},
                                                     {"mxnet", wsss::read_mxnet},
                                                     {"safetensors", wsss::read_safetensors_container}};
  const char* name = std::getenv("WSSS_FUZZ_READER");
  return readers.at(name == nullptr ? "" : name);
}

/// Reads every element, as a loader would.
void touch(const wsss::WeightFile& file, std::size_t input_size) {
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors) {
    bytes += tensor.nbytes();
    const at::Tensor copy = tensor.contiguous();
    volatile unsigned sum = 0;
    const auto* data = static_cast<const unsigned char*>(copy.const_data_ptr());
    for (std::size_t i = 0; i < copy.nbytes(); ++i) sum = sum + data[i];
  }
  if (bytes > 8 * input_size + (1 << 20)) std::abort();  // more than any file may claim
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const Reader reader = chosen_reader();
  static const bool single_thread = [] {
    at::set_num_threads(1);
    return true;
  }();
  (void)single_thread;
  const std::shared_ptr<unsigned char> input(static_cast<unsigned char*>(std::malloc(size == 0 ? 1 : size)), std::free);
  if (size > 0) std::memcpy(input.get(), data, size);
  try {
    const wsss::WeightFile file = reader({{reinterpret_cast<const std::byte*>(input.get()), size}, input});
    touch(file, size);
    wsss::named_for_network(file, {"features.0.0.weight", "backbone.layer1.0.conv1.weight", "fc8.weight"});
  } catch (const wsss::Error&) {
  }
  return 0;
}
