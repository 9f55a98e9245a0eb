// A library of others that is opened while the program runs, by its path or its soname.
#pragma once

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

  /// Whether the library has a function of that name.
  bool has(const char* name) const;

 private:
  void* address_of(const char* name) const;

  std::string file_;
  void* handle_;
};

}  // namespace wsss
