// Which patches to ask about next so that all of the set is covered, and which are like a given one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace wsss {

/// Chooses patches one after the other, each the farthest from all that were chosen before (k-centre, greedy): what was
/// never seen comes first. Without any chosen before, the first is the one nearest to the mean. Ties go to the smaller
/// position.
///
/// @param features    [N, C] as of PatchFeatures::standardised().
/// @param chosen      positions that are covered already.
/// @param candidates  positions to choose from.
/// @param most        how many to choose; fewer if there are no more candidates.
/// @throws Error      kShape if a position is out of range.
std::vector<std::int64_t> farthest_first(const at::Tensor& features, const std::vector<std::int64_t>& chosen,
                                         const std::vector<std::int64_t>& candidates, std::int64_t most);

/// Squared distances [N] of every patch from one.
/// @throws Error kShape if the position is out of range.
at::Tensor distances_from(const at::Tensor& features, std::int64_t position);

}  // namespace wsss
