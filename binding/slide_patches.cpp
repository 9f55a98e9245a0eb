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

template <typename Number>
Napi::Value to_buffer(Napi::Env env, const std::vector<Number>& values) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, values.size() * sizeof(Number));
  if (!values.empty()) std::memcpy(buffer.Data(), values.data(), values.size() * sizeof(Number));
  return buffer;
}

// ({polygons, patches, classCount}, done)
Napi::Value count_annotated(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "countAnnotated");
    auto regions = patch_regions(Fields(fields.value("patches"), "countAnnotated patches"));
    GivenPolygons given(Fields(fields.value("polygons"), "countAnnotated polygons"));
    const std::int64_t values = fields.integer("classCount") + 1;
    return submit_shared(info, 1,
                         [regions = std::move(regions), given = std::move(given), values](JobContext& job) -> Reply {
                           auto counts = count_annotated_pixels(given.set(), regions, values, check_of(job));
                           return [counts = std::move(counts)](Napi::Env env) { return to_buffer(env, counts); };
                         });
  });
}

// ({polygons, patches}, done)
Napi::Value draw_annotated(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "drawAnnotated");
    auto regions = patch_regions(Fields(fields.value("patches"), "drawAnnotated patches"));
    GivenPolygons given(Fields(fields.value("polygons"), "drawAnnotated polygons"));
    return submit_shared(info, 1, [regions = std::move(regions), given = std::move(given)](JobContext& job) -> Reply {
      auto masks = draw_annotated_masks(given.set(), regions, check_of(job));
      return [masks = std::move(masks)](Napi::Env env) { return to_buffer(env, masks); };
    });
  });
}

// ({polygons}, done): index, x and y for each polygon of which a line crosses itself.
Napi::Value find_crossings(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "findCrossings");
    GivenPolygons given(Fields(fields.value("polygons"), "findCrossings polygons"));
    return submit_shared(info, 1, [given = std::move(given)](JobContext& job) -> Reply {
      const PolygonSet set = given.set();
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

GivenPolygons::GivenPolygons(const Fields& fields)
    : points(fields.doubles("points")),
      rings(fields.doubles("rings")),
      polygons(fields.doubles("polygons")),
      values(fields.doubles("values")) {}

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
