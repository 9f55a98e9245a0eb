// Names for what a caller can do about a failure; lib/native/remedies.ts puts them into the caller's words.
#pragma once

namespace wsss {

/// The entry of ErrorDetails that lists them.
inline constexpr const char* kRemedies = "remedies";

inline constexpr const char* kSmallerBatch = "smaller-batch";  ///< The details have `fits`.
inline constexpr const char* kAutoBatch = "auto-batch";
inline constexpr const char* kSmallerPatches = "smaller-patches";
inline constexpr const char* kGradientCheckpointing = "gradient-checkpointing";
inline constexpr const char* kChooseStateDict = "choose-state-dict";
inline constexpr const char* kPartialLoad = "partial-load";

}  // namespace wsss
