// Which Python objects a pickle may name, and which mark it as an attack.
#pragma once

#include <string>
#include <string_view>

#include "wsss/core/error.h"

namespace wsss {

/// What a call of an allowed Python object means here.
enum class CallMeaning {
  kDictionary,  ///< An empty dictionary, or one of the pairs given.
  kTuple,       ///< Its only argument.
  kCall,        ///< Noted down with its arguments; whoever reads the values knows what it means.
  kOpaque,      ///< Nothing here needs the result.
};

struct AllowedGlobal {
  std::string_view name;
  CallMeaning meaning;
};

/// A Python object that weights are made of, by its name "module.name"; null for all others, which are skipped.
const AllowedGlobal* find_allowed_global(std::string_view name);

/// Whether a Python object runs programs or code, or changes files, when it is called. No settings and no optimiser
/// need such an object, so a file that names one was made to do harm. Nothing is executed here either way.
bool is_attack(std::string_view module, std::string_view name);

/// Whether it is a plain type or constant that says nothing about a file, such as list, int or torch.uint16.
bool is_plain(std::string_view module, std::string_view name);

/// The refusal of an attack, naming the object.
Error forbidden_global(std::string_view name);

/// Text of a file inside a message: short, and without anything that a terminal would obey.
std::string printable(std::string_view text);

}  // namespace wsss
