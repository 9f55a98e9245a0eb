#include "wsss/pseudo_mask/generate.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"
#include "wsss/core/memory_reuse.h"
#include "wsss/device/memory_failure.h"
#include "wsss/image/resize.h"
#include "wsss/process_group/share_out.h"

namespace wsss {

namespace {

/// State of one generation.
class Generator {
 public:
  Generator(Classifier& network, const PseudoMaskOptions& options, const PatchStore& patches, MaskStore& masks,
            const MaskObserver& observer, const CancelToken& cancel)
      : network_(network), options_(options), patches_(patches), masks_(masks), observer_(observer), cancel_(cancel) {
    for (const auto& name : options.levels) levels_.push_back(network->level_named(name));
  }

  void run() {
    std::vector<std::int64_t> batch;
    for (const auto i : by_number_of_classes()) {
      cancel_.check();
      if (classes_of(i).empty()) {
        fill_with_background(i);
        report({i});
        continue;
      }
      if (options_.scaling == CamScaling::kPresent && classes_of(i).size() == 1) {
        fill_single_class(i);
        report({i});
        continue;
      }
      batch.push_back(i);
      if (static_cast<std::int64_t>(batch.size()) == options_.batch_size) flush(batch);
    }
    flush(batch);
  }

 private:
  /// A batch takes as long as its patch of most classes: patches of as many go together.
  std::vector<std::int64_t> by_number_of_classes() const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(patches_.count()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t left, std::int64_t right) {
      return wanted_of(left).size() < wanted_of(right).size();
    });
    return order;
  }

  std::vector<std::int64_t> classes_of(std::int64_t index) const {
    std::vector<std::int64_t> classes;
    for (std::int64_t k = 0; k < patches_.class_count(); ++k) {
      if (patches_.labels(index)[k] == 1) classes.push_back(k);
    }
    return classes;
  }

  /// Published scaling normalises over all classes, absent ones included.
  std::vector<std::int64_t> wanted_of(std::int64_t index) const {
    if (options_.scaling == CamScaling::kPresent) return classes_of(index);
    std::vector<std::int64_t> all(static_cast<std::size_t>(patches_.class_count()));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  std::vector<std::uint8_t> glass_of(std::int64_t index) const {
    if (!options_.glass) return {};
    return glass_mask(patches_.patch(index), patches_.height(), patches_.width(), *options_.glass);
  }

  /// A patch whose label names no class has no tissue to choose from.
  void fill_with_background(std::int64_t index) {
    for (std::int64_t level = 0; level < masks_.level_count(); ++level) {
      std::uint8_t* mask = masks_.mask(level, index);
      std::fill(mask, mask + patches_.height() * patches_.width(), static_cast<std::uint8_t>(patches_.class_count()));
    }
  }

  void fill_single_class(std::int64_t index) {
    const auto only = static_cast<std::uint8_t>(classes_of(index).front());
    const auto glass = glass_of(index);
    const std::int64_t pixels = patches_.height() * patches_.width();
    for (std::int64_t level = 0; level < masks_.level_count(); ++level) {
      std::uint8_t* mask = masks_.mask(level, index);
      for (std::int64_t p = 0; p < pixels; ++p) {
        const bool is_glass = !glass.empty() && glass[static_cast<std::size_t>(p)] != 0;
        mask[p] = is_glass ? static_cast<std::uint8_t>(patches_.class_count()) : only;
      }
    }
  }

  void flush(std::vector<std::int64_t>& batch) {
    if (batch.empty()) return;
    work_on_batch(static_cast<std::int64_t>(batch.size()), network_->class_weights().device(),
                  [&](std::int64_t count) { draw({batch.begin(), batch.begin() + count}); });
    report(batch);
    batch.clear();
  }

  void draw(const std::vector<std::int64_t>& batch) {
    const auto& class_weights = network_->class_weights();
    std::vector<std::vector<std::int64_t>> wanted;
    for (const auto index : batch) wanted.push_back(wanted_of(index));
    const at::Tensor images = image_batch(patches_, batch, {}, class_weights.scalar_type(), class_weights.device());
    const auto maps = mean_maps(images, wanted);
    std::vector<std::vector<std::uint8_t>> glass(batch.size());
    for_each_patch(batch, [&](std::size_t i) { glass[i] = glass_of(batch[i]); });
    for (std::size_t level = 0; level < maps.size(); ++level) write_level(batch, glass, level, maps[level]);
  }

  /// The maps of each level, averaged over the views.
  std::vector<at::Tensor> mean_maps(const at::Tensor& images, const std::vector<std::vector<std::int64_t>>& wanted) {
    const std::int64_t border = options_.padding;
    const at::Tensor padded = border == 0 ? images : at::reflection_pad2d(images, {border, border, border, border});
    std::vector<at::Tensor> sums(levels_.size());
    const std::vector<PatchView> all = views_of(options_.views, patches_.height(), patches_.width());
    for (const PatchView& view : all) {
      const auto cams = grad_cam(network_, view.lay(padded), levels_, wanted);
      for (std::size_t level = 0; level < cams.size(); ++level) {
        const at::Tensor maps = view.lay_back(cams[level].maps);
        sums[level] = sums[level].defined() ? sums[level] + maps : maps;
      }
    }
    for (auto& sum : sums) sum = without_border(sum / static_cast<double>(all.size()));
    return sums;
  }

  /// Cuts off the cells that look at the padding.
  at::Tensor without_border(const at::Tensor& maps) const {
    const auto cells = [&](std::int64_t size, std::int64_t pixels) {
      return (options_.padding * size + (pixels + 2 * options_.padding) / 2) / (pixels + 2 * options_.padding);
    };
    const std::int64_t rows = cells(maps.size(2), patches_.height()), columns = cells(maps.size(3), patches_.width());
    return maps.slice(2, rows, maps.size(2) - rows).slice(3, columns, maps.size(3) - columns);
  }

  void write_level(const std::vector<std::int64_t>& batch, const std::vector<std::vector<std::uint8_t>>& glass,
                   std::size_t level, const at::Tensor& maps) {
    const at::Tensor up =
        resize_half_pixel(maps.contiguous(), patches_.height(), patches_.width()).to(at::kCPU, at::kFloat).contiguous();
    const std::int64_t pixels = patches_.height() * patches_.width();
    for_each_patch(batch, [&](std::size_t i) {
      const float* own = up.const_data_ptr<float>() + static_cast<std::int64_t>(i) * patches_.class_count() * pixels;
      index_mask(own, patches_.labels(batch[i]), glass[i].empty() ? nullptr : glass[i].data(), patches_.class_count(),
                 pixels, options_.scaling, masks_.mask(static_cast<std::int64_t>(level), batch[i]));
    });
  }

  /// Calls work(i) for every patch of a batch, on all threads.
  template <typename Work>
  static void for_each_patch(const std::vector<std::int64_t>& batch, Work work) {
    at::parallel_for(0, static_cast<std::int64_t>(batch.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) work(static_cast<std::size_t>(i));
    });
  }

  void report(const std::vector<std::int64_t>& finished) {
    done_ += static_cast<std::int64_t>(finished.size());
    if (observer_) observer_(finished, done_, patches_.count());
  }

  Classifier& network_;
  const PseudoMaskOptions& options_;
  const PatchStore& patches_;
  MaskStore& masks_;
  const MaskObserver& observer_;
  const CancelToken& cancel_;
  std::vector<FeatureLevel> levels_;
  std::int64_t done_ = 0;
};

}  // namespace

void generate_pseudo_masks(Classifier& network, const PseudoMaskOptions& options, const PatchStore& patches,
                           MaskStore& masks, const MaskObserver& observer, const CancelToken& cancel) {
  if (masks.count() != patches.count() || masks.height() != patches.height() || masks.width() != patches.width() ||
      masks.level_count() != static_cast<std::int64_t>(options.levels.size())) {
    throw Error(ErrorCode::kShape, "the mask store must have one mask per patch and level, of the patches' size");
  }
  if (patches.class_count() != network->class_count()) {
    throw Error(ErrorCode::kShape, "the patches are labelled with " + std::to_string(patches.class_count()) +
                                       " classes, the classifier has " + std::to_string(network->class_count()));
  }
  if (options.padding >= std::min(patches.height(), patches.width())) {
    throw Error(ErrorCode::kOption,
                "the mirrored border of " + std::to_string(options.padding) +
                    " px must be narrower than the patches of " + std::to_string(patches.width()) + "x" +
                    std::to_string(patches.height()) + " px",
                {{"option", "paddingPx"}});
  }
  const CancelScope scope(cancel);
  const MemoryReuse memory;
  network->eval();
  Generator(network, options, patches, masks, observer, cancel).run();
}

void generate_pseudo_masks_together(Classifier& network, const PseudoMaskOptions& options, const PatchStore& patches,
                                    MaskStore& masks, ProcessGroup& group, const MaskObserver& observer,
                                    const CancelToken& cancel) {
  const std::int64_t count = patches.count();
  std::vector<bool> is_own(static_cast<std::size_t>(count), false);
  const auto draw = [&](const Share& share) {
    std::fill(is_own.begin() + share.begin, is_own.begin() + share.end, true);
    const auto of_whole = [&](const std::vector<std::int64_t>& finished, std::int64_t done, std::int64_t /*own*/) {
      std::vector<std::int64_t> indices = finished;
      for (auto& index : indices) index += share.begin;
      if (observer) observer(indices, done, count);
    };
    MaskStore own = masks.part(share.begin, share.end);
    generate_pseudo_masks(network, options, patches.part(share.begin, share.end), own, of_whole, cancel);
  };
  share_out(group, count, cancel, draw, [&](const Share& share) {
    for (std::int64_t level = 0; level < masks.level_count(); ++level) join_rows(masks.tensor()[level], share, group);
  });
  std::vector<std::int64_t> others;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!is_own[static_cast<std::size_t>(i)]) others.push_back(i);
  }
  if (observer && !others.empty()) observer(others, count, count);
}

}  // namespace wsss
