// Maps of slides, read tile by tile.
#pragma once

#include <napi.h>

namespace wsss::binding {

/// Adds describeMap, readMapTile and scoreMap to the addon.
void define_map_tiles(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
