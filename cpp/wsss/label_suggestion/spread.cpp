#include "wsss/label_suggestion/spread.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <string>

#include "wsss/core/error.h"

namespace wsss {

namespace {

at::Tensor rows_at(const at::Tensor& features, const std::vector<std::int64_t>& positions) {
  for (const std::int64_t position : positions) {
    if (position >= 0 && position < features.size(0)) continue;
    throw Error(ErrorCode::kShape, "there is no patch " + std::to_string(position));
  }
  return features.index_select(0, at::tensor(at::ArrayRef<std::int64_t>(positions), at::kLong));
}

at::Tensor from(const at::Tensor& rows, const at::Tensor& row) { return (rows - row).square().sum(1); }

}  // namespace

std::vector<std::int64_t> farthest_first(const at::Tensor& features, const std::vector<std::int64_t>& chosen,
                                         const std::vector<std::int64_t>& candidates, std::int64_t most) {
  if (candidates.empty() || most < 1) return {};
  const at::Tensor rows = rows_at(features, candidates);
  const at::Tensor covered = rows_at(features, chosen);
  // How far each candidate is from what is covered; those that are taken are below every distance.
  at::Tensor distance;
  if (chosen.empty()) {
    distance = -from(rows, features.mean(0));
  } else {
    distance = at::full({rows.size(0)}, std::numeric_limits<float>::infinity());
    for (std::int64_t i = 0; i < covered.size(0); ++i) distance = at::minimum(distance, from(rows, covered[i]));
  }
  bool is_first = chosen.empty();
  std::vector<std::int64_t> order;
  const auto count = std::min(most, static_cast<std::int64_t>(candidates.size()));
  while (static_cast<std::int64_t>(order.size()) < count) {
    const auto* values = distance.const_data_ptr<float>();
    const auto next = std::max_element(values, values + distance.size(0)) - values;
    order.push_back(candidates[static_cast<std::size_t>(next)]);
    const at::Tensor from_next = from(rows, rows[next]);
    const at::Tensor taken = distance.eq(-std::numeric_limits<float>::infinity());
    distance = is_first ? from_next : at::minimum(distance, from_next);
    distance.masked_fill_(taken, -std::numeric_limits<float>::infinity());
    distance[next] = -std::numeric_limits<float>::infinity();
    is_first = false;
  }
  return order;
}

at::Tensor distances_from(const at::Tensor& features, std::int64_t position) {
  return from(features, rows_at(features, {position})[0]);
}

}  // namespace wsss
