// The one exception of the core.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace wsss {

/// What kind of failure an Error is. The names that JavaScript sees are in binding/failure.cpp.
enum class ErrorCode {
  kOption,
  kShape,
  kDataset,
  kWeights,
  kIo,
  kDevice,
  kOutOfMemory,
  kCancelled,
  kDisposed,
  kBusy,
  kDiverged,
  kProcessGroup,
  kInternal,
};

/// Facts about a failure that a program can use without reading the message.
using ErrorDetails = std::map<std::string, std::variant<double, std::string, std::vector<std::string>>>;

/// The one exception of the core. The message says what is wrong, where, what would be right and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, ErrorDetails details = {})
      : std::runtime_error(message), code_(code), details_(std::move(details)) {}
  // Copied, never moved: std::runtime_error can be moved only from GLIBCXX_3.4.26 on, more than LibTorch needs.
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
  ~Error() override = default;

  ErrorCode code() const noexcept { return code_; }
  const ErrorDetails& details() const noexcept { return details_; }

 private:
  ErrorCode code_;
  ErrorDetails details_;
};

}  // namespace wsss
