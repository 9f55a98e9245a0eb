// Patches of slides and what is drawn on them.
#pragma once

#include <napi.h>

#include <vector>

#include "fields.h"
#include "wsss/slide_patches/polygon_set.h"

namespace wsss::binding {

/// Polygons as JavaScript has them: copied at once, and put together by the job, since they may be many.
struct GivenPolygons {
  explicit GivenPolygons(const Fields& fields);

  /// @throws Error kShape if the sizes do not fit each other.
  PolygonSet set() const { return {points, rings, polygons, values}; }

  std::vector<double> points, rings, polygons, values;
};

/// Adds countAnnotated, drawAnnotated and findCrossings to the addon.
void define_annotations(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
