// Patches of slides and what is drawn on them.
#pragma once

#include <napi.h>

#include "fields.h"
#include "wsss/slide_patches/polygon_set.h"

namespace wsss::binding {

/// Polygons, from fields of that name.
PolygonSet polygon_set(const Fields& fields);

/// Adds countAnnotated, drawAnnotated and findCrossings to the addon.
void define_annotations(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
