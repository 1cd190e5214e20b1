/* A kernel that does as little as it may: it reads and writes at most so many bytes in one call.
   Put in front of the C library's functions by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 509

static size_t fewer(int file, size_t count)
{
    struct stat one;
    return count > MOST && !fstat(file, &one) && S_ISREG(one.st_mode) ? MOST : count;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t count)
{
    return REAL(write)(file, data, fewer(file, count));
}

ssize_t pwrite64(int file, const void *data, size_t count, off64_t offset)
{
    return REAL(pwrite64)(file, data, fewer(file, count), offset);
}

ssize_t read(int file, void *data, size_t count)
{
    return REAL(read)(file, data, fewer(file, count));
}

ssize_t pread64(int file, void *data, size_t count, off64_t offset)
{
    return REAL(pread64)(file, data, fewer(file, count), offset);
}

ssize_t readv(int file, const struct iovec *parts, int count)
{
    return count > 0 ? read(file, parts[0].iov_base, parts[0].iov_len) : 0;
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t count, unsigned flags)
{
    return REAL(copy_file_range)(in, from, out, to, fewer(out, count), flags);
}
