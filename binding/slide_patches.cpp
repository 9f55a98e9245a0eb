// Patches of slides: planPatches and readPatches of NativeSlide, and the annotations of NativeSlideFunctions, in
// lib/native/native-slides.ts.

#include "slide_patches.h"

#include <cstring>
#include <utility>
#include <vector>

#include "addon_state.h"
#include "failure.h"
#include "fields.h"
#include "js_values.h"
#include "slide.h"
#include "stores.h"
#include "wsss/core/error.h"
#include "wsss/slide_patches/patch_grid.h"
#include "wsss/slide_patches/polygon_fill.h"
#include "wsss/slide_patches/polygon_set.h"

namespace wsss::binding {

namespace {

/// The form of patches, without the places that a search needs besides.
PatchGrid patch_form(const Fields& fields) {
  PatchGrid grid;
  grid.scale_x = fields.number("scaleX");
  grid.scale_y = fields.number("scaleY");
  grid.side = fields.integer("patchPx");
  return grid;
}

/// Patches by their corners.
std::vector<SlideRegion> patch_regions(const Fields& fields) {
  const PatchGrid form = patch_form(fields);
  const std::vector<double> x = fields.doubles("x");
  const std::vector<double> y = fields.doubles("y");
  if (x.size() != y.size()) throw Error(ErrorCode::kShape, "each patch needs x and y");
  std::vector<SlideRegion> regions(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) regions[i] = region_of(x[i], y[i], form);
  return regions;
}

Napi::Value to_buffer(Napi::Env env, const std::vector<double>& values) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, values.size() * sizeof(double));
  if (!values.empty()) std::memcpy(buffer.Data(), values.data(), values.size() * sizeof(double));
  return buffer;
}

// ({polygons, patches, classCount}, done)
Napi::Value count_annotated(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "countAnnotated");
    auto regions = patch_regions(Fields(fields.value("patches"), "countAnnotated patches"));
    auto set = polygon_set(Fields(fields.value("polygons"), "countAnnotated polygons"));
    const auto indices = static_cast<std::size_t>(fields.integer("classCount")) + 1;
    return submit_shared(info, 1,
                         [regions = std::move(regions), set = std::move(set), indices](JobContext& job) -> Reply {
                           std::vector<double> counts(regions.size() * indices);
                           std::vector<std::uint8_t> mask;
                           for (std::size_t i = 0; i < regions.size(); ++i) {
                             job.cancel().check();
                             mask.resize(static_cast<std::size_t>(regions[i].width * regions[i].height));
                             fill_polygons(set, regions[i], mask.data());
                             const auto of_patch = count_values(mask);
                             for (std::size_t k = 0; k < indices; ++k)
                               counts[i * indices + k] = static_cast<double>(of_patch[k]);
                           }
                           return [counts = std::move(counts)](Napi::Env env) { return to_buffer(env, counts); };
                         });
  });
}

// ({polygons, patches}, done)
Napi::Value draw_annotated(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "drawAnnotated");
    auto regions = patch_regions(Fields(fields.value("patches"), "drawAnnotated patches"));
    auto set = polygon_set(Fields(fields.value("polygons"), "drawAnnotated polygons"));
    return submit_shared(info, 1, [regions = std::move(regions), set = std::move(set)](JobContext& job) -> Reply {
      auto masks = std::make_shared<std::vector<std::uint8_t>>();
      if (!regions.empty()) {
        masks->resize(regions.size() * static_cast<std::size_t>(regions[0].width * regions[0].height));
      }
      std::uint8_t* mask = masks->data();
      for (const SlideRegion& region : regions) {
        job.cancel().check();
        fill_polygons(set, region, mask);
        mask += region.width * region.height;
      }
      return [masks](Napi::Env env) {
        Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, masks->size());
        if (!masks->empty()) std::memcpy(buffer.Data(), masks->data(), masks->size());
        return Napi::Value(buffer);
      };
    });
  });
}

// ({polygons}, done): index, x and y for each polygon of which a line crosses itself.
Napi::Value find_crossings(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "findCrossings");
    auto set = polygon_set(Fields(fields.value("polygons"), "findCrossings polygons"));
    return submit_shared(info, 1, [set = std::move(set)](JobContext& job) -> Reply {
      std::vector<double> found;
      for (const AnnotatedPolygon& polygon : set.polygons()) {
        job.cancel().check();
        if (const auto point = self_crossing(polygon)) {
          found.insert(found.end(), {static_cast<double>(polygon.index), point->x, point->y});
        }
      }
      return [found = std::move(found)](Napi::Env env) { return to_buffer(env, found); };
    });
  });
}

}  // namespace

PolygonSet polygon_set(const Fields& fields) {
  return {fields.doubles("points"), fields.doubles("rings"), fields.doubles("polygons"), fields.doubles("values")};
}

// ({scaleX, scaleY, patchPx, stridePx, minTissue, threads, tissue}, done)
Napi::Value SlideWrap::plan_patches(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Slide.planPatches");
    PatchGrid grid = patch_form(fields);
    grid.stride = fields.integer("stridePx");
    grid.min_tissue = fields.number("minTissue");
    const TissueSearch search = tissue_search(Fields(fields.value("tissue"), "Slide.planPatches tissue"));
    const auto threads = static_cast<int>(fields.integer("threads"));
    return submit(info, info[1], [holder = holder_, grid, search, threads](JobContext& job) -> Reply {
      const auto slide = holder->ready();
      const TissueMask tissue = wsss::find_tissue(*slide, search, threads, check_of(job));
      const auto patches = patches_with_tissue(slide->width(), slide->height(), tissue, grid);
      std::vector<double> x;
      std::vector<double> y;
      x.reserve(patches.size());
      y.reserve(patches.size());
      for (const GridPatch& patch : patches) {
        x.push_back(static_cast<double>(patch.x));
        y.push_back(static_cast<double>(patch.y));
      }
      return [x = std::move(x), y = std::move(y), damaged = slide->damaged_regions()](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        reply.Set("x", to_buffer(env, x));
        reply.Set("y", to_buffer(env, y));
        set(reply, "damagedRegions", damaged);
        return Napi::Value(reply);
      };
    });
  });
}

// ({store, positions, patches, threads}, done): the patches go into a PatchStore, one to each position.
Napi::Value SlideWrap::read_patches(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Slide.readPatches");
    const std::shared_ptr<PatchStore> store = PatchStoreWrap::unwrap(fields.value("store"), "store");
    auto regions = patch_regions(Fields(fields.value("patches"), "Slide.readPatches patches"));
    auto positions = fields.doubles("positions");
    const auto threads = static_cast<int>(fields.integer("threads"));
    if (positions.size() != regions.size()) throw Error(ErrorCode::kShape, "each patch needs a position");
    for (const SlideRegion& region : regions) {
      if (region.width == store->width() && region.height == store->height()) continue;
      throw Error(ErrorCode::kShape, "patches and store have different sizes");
    }
    return submit(info, info[1],
                  [holder = holder_, store, regions = std::move(regions), positions = std::move(positions),
                   threads](JobContext& job) -> Reply {
                    const auto target_of = [&](std::size_t i) {
                      return store->patch(static_cast<std::int64_t>(positions[i]));
                    };
                    read_regions(*holder->ready(), regions, target_of, threads, check_of(job));
                    return nullptr;
                  });
  });
}

void define_annotations(Napi::Env env, Napi::Object exports) {
  exports.Set("countAnnotated", Napi::Function::New(env, count_annotated));
  exports.Set("drawAnnotated", Napi::Function::New(env, draw_annotated));
  exports.Set("findCrossings", Napi::Function::New(env, find_crossings));
}

}  // namespace wsss::binding
