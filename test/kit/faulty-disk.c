// Fails, or dies at, the Nth change of files below a folder. Loaded before a program's libraries (LD_PRELOAD), so it sees
// what SQLite and Node do, below everything that a test could put in their place. The plan lies in a file that both map.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation { WRITE = 1, SYNC = 2, RENAME = 4, REMOVE = 8, CREATE = 16, TRUNCATE = 32, LINK = 64 };

struct plan {
  int32_t operations; // 0: nothing is counted
  int32_t left;       // counted down; the one that makes it 0 fails
  int32_t code;       // errno; 0 is SIGKILL, -1 no failure at all: a write that takes less than it was given
  int32_t onward;     // 1: every later one fails too
  int32_t half;       // 1: half of a write's bytes arrive before it fails
  int32_t fired;      // how many failed
  char what[256];     // the first that failed, for people
};

static struct plan *plan;
static char root[PATH_MAX];
static size_t rootLength;

__attribute__((constructor)) static void prepare(void) {
  const char *path = getenv("FAULTY_DISK_PLAN"), *folder = getenv("FAULTY_DISK_ROOT");
  if (!path || !folder || !realpath(folder, root)) return;
  rootLength = strlen(root);
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  void *mapped = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (mapped != MAP_FAILED) plan = mapped;
}

static int below(const char *path) {
  return strncmp(path, root, rootLength) == 0 && (path[rootLength] == '/' || path[rootLength] == 0);
}

static int descriptorBelow(int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return below(path);
}

// 1 where this call is to fail, with errno set.
static int fails(enum operation operation) {
  if (!plan || !(__atomic_load_n(&plan->operations, __ATOMIC_ACQUIRE) & operation)) return 0;
  int32_t left = __atomic_sub_fetch(&plan->left, 1, __ATOMIC_ACQ_REL);
  return left == 0 || (left < 0 && plan->onward);
}

static int failure(const char *name, const char *path) {
  if (__atomic_add_fetch(&plan->fired, 1, __ATOMIC_ACQ_REL) == 1) snprintf(plan->what, sizeof plan->what, "%s %s", name, below(path) ? path + rootLength : path);
  if (plan->code == 0) raise(SIGKILL);
  errno = plan->code;
  return -1;
}

static int descriptorFailure(const char *name, int descriptor) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  return failure(name, path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// `partly` does the call with half of its bytes, at least one.
#define WRITES(name, call, partly)                                      \
  {                                                                     \
    if (!plan || !descriptorBelow(fd) || !fails(WRITE)) return call;    \
    ssize_t written = plan->half || plan->code < 0 ? partly : 0;        \
    int failed = descriptorFailure(#name, fd);                          \
    return plan->code < 0 ? written : failed;                           \
  }
#define HALF (size > 1 ? size / 2 : size)
#define FIRST parts->iov_base, (parts->iov_len > 1 ? parts->iov_len / 2 : parts->iov_len)

ssize_t write(int fd, const void *data, size_t size) WRITES(write, NEXT(write)(fd, data, size), NEXT(write)(fd, data, HALF))
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) WRITES(pwrite, NEXT(pwrite)(fd, data, size, at), NEXT(pwrite)(fd, data, HALF, at))
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) WRITES(pwrite, NEXT(pwrite64)(fd, data, size, at), NEXT(pwrite64)(fd, data, HALF, at))
ssize_t writev(int fd, const struct iovec *parts, int count) WRITES(writev, NEXT(writev)(fd, parts, count), NEXT(write)(fd, FIRST))
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) WRITES(pwritev, NEXT(pwritev)(fd, parts, count, at), NEXT(pwrite)(fd, FIRST, at))
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) WRITES(pwritev, NEXT(pwritev64)(fd, parts, count, at), NEXT(pwrite64)(fd, FIRST, at))

#define ON_FILE(operation, name, ...) return plan && descriptorBelow(fd) && fails(operation) ? descriptorFailure(#name, fd) : NEXT(name)(__VA_ARGS__)
#define ON_PATH(operation, name, path, ...) return plan && below(path) && fails(operation) ? failure(#name, path) : NEXT(name)(__VA_ARGS__)

int fsync(int fd) { ON_FILE(SYNC, fsync, fd); }
int fdatasync(int fd) { ON_FILE(SYNC, fdatasync, fd); }
int ftruncate(int fd, off_t size) { ON_FILE(TRUNCATE, ftruncate, fd, size); }
int ftruncate64(int fd, off64_t size) { ON_FILE(TRUNCATE, ftruncate64, fd, size); }
int rename(const char *from, const char *to) { ON_PATH(RENAME, rename, to, from, to); }
int link(const char *from, const char *to) { ON_PATH(LINK, link, to, from, to); }
int unlink(const char *path) { ON_PATH(REMOVE, unlink, path, path); }
int rmdir(const char *path) { ON_PATH(REMOVE, rmdir, path, path); }
int mkdir(const char *path, mode_t mode) { ON_PATH(CREATE, mkdir, path, path, mode); }

#define OPENS(name)                                                                     \
  int name(const char *path, int flags, ...) {                                          \
    mode_t mode = 0;                                                                    \
    if (flags & O_CREAT) {                                                              \
      va_list rest;                                                                     \
      va_start(rest, flags);                                                            \
      mode = va_arg(rest, mode_t);                                                      \
      va_end(rest);                                                                     \
      if (plan && below(path) && fails(CREATE)) return failure(#name, path);            \
    }                                                                                   \
    return NEXT(name)(path, flags, mode);                                               \
  }
OPENS(open)
OPENS(open64)
