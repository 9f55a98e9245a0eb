#include "wsss/synthetic/synthesize.h"

#include <algorithm>

#include "wsss/core/error.h"
#include "wsss/synthetic/tissue.h"

namespace wsss {

void synthesize_patches(std::uint64_t seed, std::uint64_t first_patch, PatchStore& patches, MaskStore& masks,
                        const CancelToken& cancel) {
  if (patches.class_count() != 4 || masks.count() != patches.count() || masks.height() != patches.height() ||
      masks.width() != patches.width()) {
    throw Error(ErrorCode::kShape, "synthetic tissue needs a store of 4 classes and a mask store of its size");
  }
  for (std::int64_t i = 0; i < patches.count(); ++i) {
    cancel.check();
    const TissuePatch patch = synthesize_tissue(seed, first_patch + static_cast<std::uint64_t>(i),
                                                static_cast<int>(patches.height()), static_cast<int>(patches.width()));
    std::copy(patch.rgb.begin(), patch.rgb.end(), patches.patch(i));
    std::copy(patch.labels.begin(), patch.labels.end(), patches.labels(i));
    std::copy(patch.mask.begin(), patch.mask.end(), masks.mask(0, i));
  }
}

}  // namespace wsss
