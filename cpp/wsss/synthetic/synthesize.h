// Fills patch and mask stores with invented tissue.
#pragma once

#include <cstdint>

#include "wsss/core/cancel.h"
#include "wsss/dataset/patch_store.h"

namespace wsss {

/// Fills stores with invented tissue (tissue.h): patches `first_patch`, `first_patch` + 1, ... of the seed's endless
/// sequence, so that splits of one seed never share a patch.
///
/// @param patches  of 4 classes; receives patches and labels.
/// @param masks    of the same number and size; level 0 receives the true masks.
/// @throws Error   kShape if the stores do not fit; kCancelled.
void synthesize_patches(std::uint64_t seed, std::uint64_t first_patch, PatchStore& patches, MaskStore& masks,
                        const CancelToken& cancel);

}  // namespace wsss
