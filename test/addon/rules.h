// The rules by which golden cases fill weights and draw images from a key.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wsss::test {

// The fill rules of the golden cases (manifest.json, "rules"): weights and images of any size from a key.

std::uint32_t fnv1a32(const std::string& text);
std::uint32_t mix32(std::uint32_t x);
/// u(key, i): 32 bits for element i.
std::uint32_t rule_bits(const std::string& key, std::uint32_t index);
/// unit(key, i), in [-1, 1).
double rule_unit(const std::string& key, std::uint32_t index);

/// float32(offset + scale * unit), row-major.
at::Tensor tensor_uniform(const std::string& key, at::IntArrayRef shape, double scale, double offset);

/// Fills every tensor of a network. `net_key` is "resnet38" or "resnet": gain and damping by network.
void fill_by_rule(torch::nn::Module& network, const std::string& net_key, const std::string& weight_tag);
/// One entry of fill_by_rule.
at::Tensor rule_weight(const std::string& net_key, const std::string& weight_tag, const std::string& name,
                       at::IntArrayRef shape);

/// [H, W] of 0..255.
std::vector<std::uint8_t> noise_field(const std::string& key, std::int64_t height, std::int64_t width,
                                      std::int64_t pitch);
/// [H, W, 3] RGB; a tag that begins with "inv:" is the inverted image of the rest.
std::vector<std::uint8_t> synth_image(const std::string& tag, std::int64_t height, std::int64_t width);

}  // namespace wsss::test
