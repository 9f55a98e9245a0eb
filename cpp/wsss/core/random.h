// Seeded random numbers, each a function of its seed, its purpose and its position.
#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <vector>

namespace wsss {

/// What a random draw is for. Every draw of a run is a function of (seed, purpose, position), never of a stream's
/// history: a run that resumes at step t needs no saved random state, and adding a draw somewhere changes no other.
enum class RandomPurpose : std::uint64_t {
  kInit = 1,
  kShuffle = 2,
  kAugment = 3,
  kDropout = 4,
  kSubset = 5,
  kBootstrap = 6,
  kPermutation = 7,
  kMosaic = 8
};

/// Finaliser of SplitMix64 (Steele et al. 2014): a bijection whose output bits all depend on all input bits.
inline std::uint64_t mixed_bits(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// 64 well-mixed bits for one position.
std::uint64_t random_bits(std::uint64_t seed, RandomPurpose purpose, std::uint64_t position, std::uint64_t lane = 0);

/// Uniform in [0, 1), 53 bits.
double random_unit(std::uint64_t seed, RandomPurpose purpose, std::uint64_t position, std::uint64_t lane = 0);

/// The order in which an epoch visits `count` patches: a seeded Fisher-Yates shuffle of 0..count-1.
std::vector<std::int64_t> shuffled_order(std::int64_t count, std::uint64_t seed, std::uint64_t epoch);

/// A generator of its own (never LibTorch's global one, which other models in the process would disturb).
at::Generator make_generator(const c10::Device& device, std::uint64_t seed);

}  // namespace wsss
