// Invented tissue.
#pragma once

#include <napi.h>

namespace wsss::binding {

/// Adds synthesizeTissue and synthesizeSlide to the addon.
void define_synthesis(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
