#include "wsss/core/random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <numeric>
#include <utility>

namespace wsss {

namespace {

// The step of SplitMix64's counter.
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

}  // namespace

std::uint64_t random_bits(std::uint64_t seed, RandomPurpose purpose, std::uint64_t position, std::uint64_t lane) {
  std::uint64_t x = mixed_bits(seed + kGolden * static_cast<std::uint64_t>(purpose));
  x = mixed_bits(x + kGolden * (position + 1));
  return mixed_bits(x + kGolden * (lane + 1));
}

double random_unit(std::uint64_t seed, RandomPurpose purpose, std::uint64_t position, std::uint64_t lane) {
  return static_cast<double>(random_bits(seed, purpose, position, lane) >> 11) * 0x1.0p-53;
}

std::vector<std::int64_t> shuffled_order(std::int64_t count, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(random_bits(seed, RandomPurpose::kShuffle, epoch, i) % i);
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

at::Generator make_generator(const c10::Device& device, std::uint64_t seed) {
  if (device.is_cpu()) return at::make_generator<at::CPUGeneratorImpl>(seed);
  at::Generator generator =
      at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace wsss
