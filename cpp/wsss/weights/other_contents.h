// Error messages for files that are not weights, saying what they are instead.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "wsss/core/error.h"

namespace wsss {

/// The refusal of bytes that are none of the known containers: what they are, as far as their start tells (a web page,
/// a Git LFS pointer, an archive, a picture), and what to do.
Error not_weights(std::span<const std::byte> bytes);

/// The same for a zip archive without a data.pkl where PyTorch puts it, by the names of its records.
Error not_torch_zip(const std::vector<std::string>& names);

}  // namespace wsss
