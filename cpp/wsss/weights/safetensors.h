// The writer of safetensors files.
#pragma once

#include <map>
#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// Writes tensors (any device and layout) as a safetensors file: 8 bytes header length, a JSON header, raw data. The
/// file appears whole or not at all, as an AtomicFile. read_weight_file() reads it.
///
/// @throws Error  kIo; an older file of that name stays whole.
void write_safetensors(const std::string& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace wsss
