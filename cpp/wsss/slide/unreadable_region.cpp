#include "wsss/slide/unreadable_region.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace wsss {

namespace {

std::string file_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

std::string one_line(const std::string& said) {
  std::string line = said.substr(0, said.find_last_not_of(" \n\r\t.") + 1);
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return line;
}

Error unreadable_region(const std::string& path, std::int64_t x, std::int64_t y, std::int64_t width,
                        std::int64_t height, const std::string& said) {
  if (::access(path.c_str(), R_OK) != 0) {
    const std::string why = std::strerror(errno);
    return {ErrorCode::kIo,
            "slide " + path + " can no longer be read (" + why + "): bring it back and start again",
            {{"path", path}}};
  }
  const std::string region = std::to_string(width) + " x " + std::to_string(height) + " px at (" + std::to_string(x) +
                             ", " + std::to_string(y) + ")";
  return {ErrorCode::kDataset,
          "slide " + path + " can't be decoded in the region of " + region + " of level 0 (" + one_line(said) +
              "): copy " + file_name(path) + " again from its source, or let damaged regions count as background",
          {{"path", path},
           {"failure", std::string("damaged")},
           {"x", static_cast<double>(x)},
           {"y", static_cast<double>(y)},
           {"width", static_cast<double>(width)},
           {"height", static_cast<double>(height)}}};
}

bool is_damage(const Error& error) {
  const auto failure = error.details().find("failure");
  if (failure == error.details().end()) return false;
  const auto* text = std::get_if<std::string>(&failure->second);
  return text != nullptr && *text == "damaged";
}

}  // namespace wsss
