// The writer of PyTorch's zip format.
#pragma once

#include <string>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// Writes tensors as torch.save(dict) does since PyTorch 1.6: a file that Python's torch.load(path, weights_only=True)
/// reads. The file appears whole or not at all, as an AtomicFile.
///
/// @throws Error  kIo; kWeights if it would be larger than the 4 GB of a plain zip archive.
void write_torch_zip(const std::string& path, const StateDict& tensors);

}  // namespace wsss
