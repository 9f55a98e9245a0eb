// Patches of slides and what is drawn on them.
#pragma once

#include <napi.h>

namespace wsss::binding {

/// Adds countAnnotated, drawAnnotated and findCrossings to the addon.
void define_annotations(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
