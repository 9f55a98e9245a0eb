// The errors of a slide that can't be decoded somewhere, or is no longer there.
#pragma once

#include <cstdint>
#include <string>

#include "wsss/core/error.h"

namespace wsss {

/// The error of a region that a library could not decode; of the whole file, if that has gone meanwhile.
///
/// @param x, y, width, height  the region, in px of level 0.
/// @param said                 the library's own words.
Error unreadable_region(const std::string& path, std::int64_t x, std::int64_t y, std::int64_t width,
                        std::int64_t height, const std::string& said);

/// Whether an error is one of unreadable_region() for damaged pixels.
bool is_damage(const Error& error);

/// A library's words in one line, without what would break ours.
std::string one_line(const std::string& said);

}  // namespace wsss
