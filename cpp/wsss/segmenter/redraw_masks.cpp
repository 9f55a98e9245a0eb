#include "wsss/segmenter/redraw_masks.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "wsss/process_group/share_out.h"

namespace wsss {

namespace {

/// [N, K]: 1 for the classes of each label, which is a gate that is never wrong.
at::Tensor label_gate(const PatchStore& patches) {
  at::Tensor labels = at::empty({patches.count(), patches.class_count()}, at::kFloat);
  float* to = labels.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < patches.count(); ++i) {
    const std::uint8_t* from = patches.labels(i);
    for (std::int64_t k = 0; k < patches.class_count(); ++k) *to++ = from[k] == 1 ? 1.0F : 0.0F;
  }
  return labels;
}

bool has_class(const PatchStore& patches, std::int64_t index) {
  const std::uint8_t* labels = patches.labels(index);
  return std::find(labels, labels + patches.class_count(), 1) != labels + patches.class_count();
}

/// What of a patch is background: its glass, or all of it if its label names no class.
void paint_background(const PatchStore& patches, std::int64_t index, const std::optional<GlassRule>& glass,
                      std::uint8_t* mask) {
  const auto background = static_cast<std::uint8_t>(patches.class_count());
  const std::int64_t pixels = patches.height() * patches.width();
  if (!has_class(patches, index)) {
    std::fill(mask, mask + pixels, background);
  } else if (glass) {
    const auto white = glass_mask(patches.patch(index), patches.height(), patches.width(), *glass);
    for (std::int64_t p = 0; p < pixels; ++p) {
      if (white[static_cast<std::size_t>(p)] != 0) mask[p] = background;
    }
  }
}

}  // namespace

void redraw_masks(DeepLab& network, const RedrawOptions& options, const PatchStore& patches, MaskStore& masks,
                  const ProgressObserver& progress, const CancelToken& cancel) {
  const ClassGate gate{label_gate(patches), 0.5, GateRule::kExclude};
  segment_patches(network, patches, options.batch_size, options.views, gate, &masks, {}, progress, cancel);
  at::parallel_for(0, patches.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) paint_background(patches, i, options.glass, masks.mask(0, i));
  });
}

void redraw_masks_together(DeepLab& network, const RedrawOptions& options, const PatchStore& patches, MaskStore& masks,
                           ProcessGroup& group, const ProgressObserver& progress, const CancelToken& cancel) {
  const auto draw = [&](const Share& share) {
    MaskStore own = masks.part(share.begin, share.end);
    redraw_masks(network, options, patches.part(share.begin, share.end), own,
                 progress_of_whole(progress, share, patches.count()), cancel);
  };
  share_out(group, patches.count(), cancel, draw,
            [&](const Share& share) { join_rows(masks.tensor()[0], share, group); });
}

}  // namespace wsss
