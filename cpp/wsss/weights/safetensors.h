#pragma once

#include <map>
#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// A safetensors file: 8 bytes header length (little endian), a JSON header, raw tensor data.
struct SafetensorsFile {
  StateDict tensors;  ///< In order of their place in the file, on the CPU.
  std::map<std::string, std::string> metadata;
};

/// Reads a whole file. Header, offsets and shapes are checked before memory is taken; nothing is executed.
///
/// @throws Error  kIo if the file cannot be read; kWeights if it is not a valid safetensors file.
SafetensorsFile read_safetensors(const std::string& path);

/// Writes tensors (any device and layout) as an AtomicFile.
///
/// @throws Error  kIo; an older file of that name stays whole.
void write_safetensors(const std::string& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace wsss
