#include "wsss/core/error_sentence.h"

#include <c10/util/Exception.h>

namespace wsss {

std::string sentence_of(const std::exception& exception) {
  const auto* error = dynamic_cast<const c10::Error*>(&exception);
  return error == nullptr ? exception.what() : error->what_without_backtrace();
}

}  // namespace wsss
