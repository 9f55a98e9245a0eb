#pragma once

#include <string_view>

#include "wsss/core/error.h"

namespace wsss {

/// What a call of an allowed Python object means here.
enum class CallMeaning {
  kDictionary,  ///< An empty dictionary, or one of the pairs given.
  kTuple,       ///< Its only argument.
  kCall,        ///< Noted down with its arguments; whoever reads the values knows what it means.
  kOpaque,      ///< Nothing here needs the result.
  kNever,       ///< A type: only ever an argument.
};

struct AllowedGlobal {
  std::string_view name;
  CallMeaning meaning;
};

/// An allowed Python object by its name "module.name"; null for all others. Nothing else is ever accepted, whatever it
/// is for.
const AllowedGlobal* find_allowed_global(std::string_view name);

/// The error that refuses any other one by its name.
Error forbidden_global(std::string_view name);

}  // namespace wsss
