// The readers of all weight file formats, and the tests that recognise each format.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "wsss/weights/weight_file.h"

namespace wsss {

/// The bytes of a weight file and what keeps them in memory; tensors that are views of them hold it too.
struct WeightBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keep_alive;
  /// Which of several state dicts is meant; empty = the main one.
  std::string_view key = {};

  WeightBytes part(std::span<const std::byte> inner) const { return {inner, keep_alive, key}; }
};

// One reader per container, each in a file of its own. All throw Error kWeights without the file's name, which
// read_weight_file() adds.
WeightFile read_torch_zip(const WeightBytes& file);
WeightFile read_torch_legacy(const WeightBytes& file);
WeightFile read_torch_tar(const WeightBytes& file);
WeightFile read_mxnet(const WeightBytes& file);
WeightFile read_safetensors_container(const WeightBytes& file);

// Whether the first bytes are those of that container.
bool is_torch_zip(std::span<const std::byte> bytes);
bool is_torch_legacy(std::span<const std::byte> bytes);
bool is_torch_tar(std::span<const std::byte> bytes);
bool is_mxnet(std::span<const std::byte> bytes);
bool is_safetensors(std::span<const std::byte> bytes);

}  // namespace wsss
