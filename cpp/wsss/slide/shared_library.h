// A library of others that is opened while the program runs, by its path or its soname.
#pragma once

#include <map>
#include <mutex>
#include <string>

namespace wsss {

/// Opened once and never closed: libraries with threads and registered types do not survive that.
class SharedLibrary {
 public:
  /// @param file  a path, or a soname that the loader looks for.
  /// @throws Error kIo with the loader's words if it can't be loaded.
  explicit SharedLibrary(const std::string& file);

  /// Sets a pointer to the function of that name.
  /// @throws Error kIo if the library does not have it.
  template <typename Function>
  void find(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(address_of(name));
  }

 private:
  void* address_of(const char* name) const;

  std::string file_;
  void* handle_;
};

/// The functions of a library by its path or soname, found once a process.
///
/// @param find_all  makes a table of functions of a library.
template <typename Functions>
const Functions& functions_of(const std::string& file, Functions (*find_all)(const SharedLibrary& library)) {
  static std::mutex mutex;
  static std::map<std::string, Functions> known;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(file);
  return found != known.end() ? found->second : known.emplace(file, find_all(SharedLibrary(file))).first->second;
}

}  // namespace wsss
