// Prefixes and wrappers in tensor names, such as "module." and "_orig_mod.".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// Takes out of every name whatever wrappers put into it, such as "_orig_mod." of torch.compile, wherever it stands.
/// Names stay as they are where two would become one.
///
/// @return  the wrappers that were found, each with its dot.
std::vector<std::string> take_out_wrappers(StateDict& tensors);

/// Starts of names that a considerable part of the tensors has in common, such as "model." and "module.encoder_q.",
/// shorter ones first.
std::vector<std::string> common_prefixes(const StateDict& tensors);

/// The longest start that all names have in common, with its dot; "" if there is none.
std::string prefix_of_all(const std::vector<std::string>& names);

/// Whether a tensor is what tools keep in state dicts for themselves, and no weight of any network: counters of
/// profilers and averages, extra state.
bool is_bookkeeping(std::string_view name);

}  // namespace wsss
