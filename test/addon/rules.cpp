#include "rules.h"

#include <algorithm>
#include <map>

#include "wsss/core/libtorch.h"
#include "wsss/weights/state_dict.h"

namespace wsss::test {

namespace {

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

struct NetRule {
  double gain;
  const char* damped_suffix;  // nullptr = none
  double damping;
};
const std::map<std::string, NetRule>& net_rules() {
  static const std::map<std::string, NetRule> rules{{"resnet38", {1.0, nullptr, 1.0}},
                                                    {"resnet", {1.125, ".bn3.weight", 0.25}},
                                                    {"xception", {1.125, ".rep.8.weight", 0.5}},
                                                    {"drn", {1.25, ".bn3.weight", 0.5}},
                                                    {"mobilenet", {1.5, ".conv.7.weight", 0.75}}};
  return rules;
}

}  // namespace

std::uint32_t fnv1a32(const std::string& text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  return hash;
}

std::uint32_t mix32(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  return x ^ (x >> 16);
}

std::uint32_t rule_bits(const std::string& key, std::uint32_t index) { return mix32(mix32(index) + fnv1a32(key)); }

double rule_unit(const std::string& key, std::uint32_t index) {
  return static_cast<double>(rule_bits(key, index) >> 8) * 0x1.0p-23 - 1.0;
}

at::Tensor tensor_uniform(const std::string& key, at::IntArrayRef shape, double scale, double offset) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.data_ptr<float>();
  const std::uint32_t hash = fnv1a32(key);
  at::parallel_for(0, tensor.numel(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double unit =
          static_cast<double>(mix32(mix32(static_cast<std::uint32_t>(i)) + hash) >> 8) * 0x1.0p-23 - 1.0;
      volatile double product = scale * unit;  // rounded on its own: the rule forbids a fused multiply-add
      values[i] = static_cast<float>(offset + product);
    }
  });
  return tensor;
}

at::Tensor rule_weight(const std::string& net_key, const std::string& weight_tag, const std::string& name,
                       at::IntArrayRef shape) {
  const NetRule& rule = net_rules().at(net_key);
  const std::string key = weight_tag + "|" + name;
  if (ends_with(name, "num_batches_tracked")) return at::zeros(shape, at::kLong);
  if (shape.size() == 4) {
    const auto fan_in = static_cast<double>(shape[1] * shape[2] * shape[3]);
    return tensor_uniform(key, shape, rule.gain * std::sqrt(3.0 / fan_in), 0.0);
  }
  if (ends_with(name, "running_mean")) return tensor_uniform(key, shape, 0.1, 0.0);
  if (ends_with(name, "running_var")) return tensor_uniform(key, shape, 0.2, 1.0);
  if (ends_with(name, "bias")) return tensor_uniform(key, shape, 0.1, 0.0);
  const double d = rule.damped_suffix != nullptr && ends_with(name, rule.damped_suffix) ? rule.damping : 1.0;
  return tensor_uniform(key, shape, 0.2 * d, d);
}

void fill_by_rule(torch::nn::Module& network, const std::string& net_key, const std::string& weight_tag) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : state_dict(network)) {
    at::Tensor target = tensor;
    target.copy_(rule_weight(net_key, weight_tag, name, tensor.sizes()));
  }
}

std::vector<std::uint8_t> noise_field(const std::string& key, std::int64_t height, std::int64_t width,
                                      std::int64_t pitch) {
  const std::int64_t lattice_width = width / pitch + 2;
  const auto lattice = [&](std::int64_t row, std::int64_t col) {
    return static_cast<std::int64_t>(rule_bits(key, static_cast<std::uint32_t>(row * lattice_width + col)) >> 24);
  };
  std::vector<std::uint8_t> field(static_cast<std::size_t>(height * width));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t iy = y / pitch, fy = y % pitch, ix = x / pitch, fx = x % pitch;
      const std::int64_t v = (pitch - fy) * (pitch - fx) * lattice(iy, ix) + (pitch - fy) * fx * lattice(iy, ix + 1) +
                             fy * (pitch - fx) * lattice(iy + 1, ix) + fy * fx * lattice(iy + 1, ix + 1);
      field[static_cast<std::size_t>(y * width + x)] =
          static_cast<std::uint8_t>((v + pitch * pitch / 2) / (pitch * pitch));
    }
  }
  return field;
}

std::vector<std::uint8_t> synth_image(const std::string& tag, std::int64_t height, std::int64_t width) {
  if (tag.rfind("inv:", 0) == 0) {
    auto image = synth_image(tag.substr(4), height, width);
    for (auto& value : image) value = static_cast<std::uint8_t>(255 - value);
    return image;
  }
  const auto n1 = noise_field(tag + "|n1", height, width, 32), n2 = noise_field(tag + "|n2", height, width, 8);
  const auto e1 = noise_field(tag + "|e1", height, width, 24), e2 = noise_field(tag + "|e2", height, width, 6);
  const auto w1 = noise_field(tag + "|w1", height, width, 40);
  std::vector<std::uint8_t> image(n1.size() * 3);
  const auto store = [&](std::size_t i, int r, int g, int b) {
    image[3 * i] = static_cast<std::uint8_t>(std::min(255, r));
    image[3 * i + 1] = static_cast<std::uint8_t>(std::min(255, g));
    image[3 * i + 2] = static_cast<std::uint8_t>(std::min(255, b));
  };
  for (std::size_t i = 0; i < n1.size(); ++i) {
    const int nuc = (3 * n1[i] + 2 * n2[i]) / 5;
    const int eos = (3 * e1[i] + e2[i]) / 4;
    const int d = 255 - nuc;
    if (w1[i] > 176) {
      const auto t = static_cast<int>(rule_bits(tag + "|wn", static_cast<std::uint32_t>(i)) >> 29);
      store(i, 244 + t, 242 + t, 246 + t);
    } else {
      store(i, 60 + d * 150 / 255 + eos * 35 / 255, 30 + d * 120 / 255 + (255 - eos) * 70 / 255,
            110 + d * 90 / 255 + (255 - eos) * 40 / 255);
    }
  }
  return image;
}

}  // namespace wsss::test
