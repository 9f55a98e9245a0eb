// The readable part of an exception's message.
#pragma once

#include <exception>
#include <string>

namespace wsss {

/// What an exception says, without LibTorch's backtrace.
std::string sentence_of(const std::exception& exception);

}  // namespace wsss
