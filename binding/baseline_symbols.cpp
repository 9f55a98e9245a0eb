/// Lets one binary run on every machine that LibTorch runs on, whatever machine it was linked on.
///
/// LibTorch's libraries need GLIBC_2.28 and GLIBCXX_3.4.22. A newer toolchain binds the functions below to younger
/// versions of the same symbols, and an older system would then refuse to load the addon. So the addon defines each of
/// them for itself, hidden from everybody else, and passes the call on to the oldest version, which every glibc and
/// libstdc++ keeps. `scripts/check-binary.mjs` prints what the finished binary needs, and fails if that is more than
/// LibTorch does.
#include <sys/stat.h>

/// Defines `symbol` as a call of its version `version`. C++ sees it only as wsss_<name>, since the compiler has ideas
/// of its own about what `exp` is.
#define WSSS_BASELINE(result, name, symbol, version, parameters, arguments)            \
  result wsss_old_##name parameters;                                                   \
  __asm__(".symver wsss_old_" #name "," symbol "@" version);                           \
  __attribute__((visibility("hidden"))) result wsss_##name parameters __asm__(symbol); \
  result wsss_##name parameters { return wsss_old_##name arguments; }

extern "C" {

// The functions of 2.29 and 2.35 compute the same, only without the detour for errno.
WSSS_BASELINE(double, exp, "exp", "GLIBC_2.2.5", (double value), (value))
WSSS_BASELINE(double, log, "log", "GLIBC_2.2.5", (double value), (value))
WSSS_BASELINE(double, pow, "pow", "GLIBC_2.2.5", (double base, double exponent), (base, exponent))
WSSS_BASELINE(double, hypot, "hypot", "GLIBC_2.2.5", (double x, double y), (x, y))

// Moved from libdl to libc in 2.34.
WSSS_BASELINE(void*, dlopen, "dlopen", "GLIBC_2.2.5", (const char* file, int mode), (file, mode))
WSSS_BASELINE(void*, dlsym, "dlsym", "GLIBC_2.2.5", (void* library, const char* name), (library, name))
WSSS_BASELINE(char*, dlerror, "dlerror", "GLIBC_2.2.5", (), ())
WSSS_BASELINE(int, dladdr, "dladdr", "GLIBC_2.2.5", (const void* address, void* info), (address, info))

// std::condition_variable::wait, which 3.4.30 only declares noexcept.
WSSS_BASELINE(void, wait, "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", "GLIBCXX_3.4.11",
              (void* condition, void* lock), (condition, lock))

// Before 2.33 fstat was an inline function around this one, with the version of the structure, 1, before its arguments.
int wsss_old_fxstat(int version, int descriptor, struct stat* status);
__asm__(".symver wsss_old_fxstat,__fxstat@GLIBC_2.2.5");
__attribute__((visibility("hidden"))) int wsss_fstat(int descriptor, struct stat* status) __asm__("fstat");
int wsss_fstat(int descriptor, struct stat* status) { return wsss_old_fxstat(1, descriptor, status); }

// libstdc++ does without atomic instructions where this says that there is one thread. Node has several from the start.
__attribute__((visibility("hidden"))) char wsss_single_threaded __asm__("__libc_single_threaded") = 0;

}  // extern "C"
