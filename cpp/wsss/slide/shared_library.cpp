#include "wsss/slide/shared_library.h"

#include <dlfcn.h>

#include "wsss/core/error.h"

namespace wsss {

SharedLibrary::SharedLibrary(const std::string& file) : file_(file), handle_(dlopen(file.c_str(), RTLD_NOW)) {
  if (handle_ != nullptr) return;
  const char* said = dlerror();
  throw Error(ErrorCode::kIo, said == nullptr ? file + " could not be loaded" : said, {{"path", file}});
}

void* SharedLibrary::address_of(const char* name) const {
  void* address = dlsym(handle_, name);
  if (address == nullptr) throw Error(ErrorCode::kIo, file_ + " has no function " + name, {{"path", file_}});
  return address;
}

}  // namespace wsss
