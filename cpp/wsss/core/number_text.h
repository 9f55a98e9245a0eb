// Numbers as text and back, exactly and in any locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wsss {

/// A double as text that reads back as the same double, whatever the locale of the process.
///
/// `std::to_chars` of floating point would do, but needs GLIBCXX_3.4.29, more than LibTorch does.
std::string exact_text(double value);

/// The double that `text` begins with: decimal (`-12.5e-3`), `inf` or `nan`, whatever the locale of the process.
///
/// @param value receives it; unchanged where there is none
/// @return how many characters it takes; 0 where there is none
std::size_t read_number(std::string_view text, double& value);

}  // namespace wsss
