// What the labels that are there say of the patches that have none: a linear classifier on fixed features.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "wsss/core/cancel.h"

namespace wsss {

/// An answer of [N, K] bytes.
enum : std::uint8_t { kAbsent = 0, kPresent = 1, kNotAnswered = 2 };

/// [N, K] from bytes, row after row.
/// @throws Error kShape if their number is no multiple of K.
at::Tensor answers_of(const std::vector<std::uint8_t>& bytes, std::int64_t class_count);

/// Strength of the pull of the weights to 0. On training patches of GlaS 1e-4 does as well, and 1e-2 worse.
inline constexpr double kProbePenalty = 1e-3;

/// Learns a logistic regression for each class from the answers to it, and says what it makes of every patch.
///
/// @param features  [N, C] as of PatchFeatures::standardised().
/// @param answers   [N, K] uint8: kAbsent, kPresent or kNotAnswered. Classes are answered one by one: a patch may have
///                  an answer to one class and none to another.
/// @return          [N, K] float32 probabilities; NaN for a class that has not been answered in both ways.
/// @throws Error    kShape; kCancelled.
at::Tensor suggest_labels(const at::Tensor& features, const at::Tensor& answers, const CancelToken& cancel);

}  // namespace wsss
