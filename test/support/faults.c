// Makes chosen system calls on AtomicFile's temporary files fail. Preloaded into a test process; environment variable
// WSSS_FAULT = "N:ERRNO" fails the Nth of open, write, fsync, close and rename on such a file with that number,
// "N:short" writes half of what it is given and then reports a full disk, "N:kill" kills the process before the call. Each open
// of a temporary file starts counting at 1; WSSS_FAULT_SAVE = "K" lets all but the Kth of them pass, and
// WSSS_FAULT_PATH = "TEXT" all whose path does not hold the text, which do not count.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int watched = -1;
static int calls = 0;
static int disk_is_full = 0;
static int saves = 0;

static int is_temporary(const char* path) {
  const char* place = getenv("WSSS_FAULT_PATH");
  return strstr(path, ".partial-") != NULL && (place == NULL || strstr(path, place) != NULL);
}

// 0: go on; -1: short write; else the error number of the fault that this call has.
static int fault(int is_write) {
  const char* wish = getenv("WSSS_FAULT");
  const char* save = getenv("WSSS_FAULT_SAVE");
  ++calls;
  if (save != NULL && atoi(save) != saves) return 0;
  if (wish == NULL || atoi(wish) != calls) return 0;
  const char* kind = strchr(wish, ':');
  if (kind == NULL) return 0;
  if (strcmp(kind + 1, "kill") == 0) kill(getpid(), SIGKILL);
  const int is_short = strcmp(kind + 1, "short") == 0;
  if (is_short && !is_write) return 0;
  setenv("WSSS_FAULT_FIRED", "1", 1);
  return is_short ? -1 : atoi(kind + 1);
}

int open(const char* path, int flags, ...) {
  static int (*real)(const char*, int, ...) = NULL;
  if (real == NULL) real = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (!is_temporary(path)) return real(path, flags, mode);
  ++saves;
  calls = 0;
  disk_is_full = 0;
  const int error = fault(0);
  if (error > 0) {
    errno = error;
    return -1;
  }
  watched = real(path, flags, mode);
  return watched;
}

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static ssize_t (*real)(int, const void*, size_t) = NULL;
  if (real == NULL) real = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  if (descriptor != watched) return real(descriptor, bytes, size);
  if (disk_is_full) {
    errno = ENOSPC;
    return -1;
  }
  const int error = fault(1);
  if (error > 0) {
    errno = error;
    return -1;
  }
  if (error < 0) {
    disk_is_full = 1;
    return real(descriptor, bytes, size / 2);
  }
  return real(descriptor, bytes, size);
}

int fsync(int descriptor) {
  static int (*real)(int) = NULL;
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const int error = descriptor == watched ? fault(0) : 0;
  if (error <= 0) return real(descriptor);
  errno = error;
  return -1;
}

int close(int descriptor) {
  static int (*real)(int) = NULL;
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
  if (descriptor != watched) return real(descriptor);
  watched = -1;
  const int error = fault(0);
  const int result = real(descriptor);
  if (error <= 0) return result;
  errno = error;
  return -1;
}

int rename(const char* from, const char* to) {
  static int (*real)(const char*, const char*) = NULL;
  if (real == NULL) real = (int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename");
  const int error = is_temporary(from) ? fault(0) : 0;
  if (error <= 0) return real(from, to);
  errno = error;
  return -1;
}
