// The addon's functions that score masks, and the counts they give to JavaScript.
#pragma once

#include <napi.h>

#include "wsss/evaluation/patch_counts.h"

namespace wsss::binding {

/// NativeCounts of lib/native/native-evaluation.ts.
Napi::Object to_js(Napi::Env env, const PatchCounts& counts);

/// Adds scoreMasks, scoreCounts, bootstrapIntervals and comparePaired to the addon.
void define_evaluation(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
