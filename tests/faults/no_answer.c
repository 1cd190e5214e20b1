/* A file system whose server is gone: the call NO_ANSWER_CALL on the file NO_ANSWER_PATH does not come
   back, or, with NO_ANSWER_SECONDS, only after so long. Put in front of the C library by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void wait_if(const char *call, const char *path)
{
    const char *calls = getenv("NO_ANSWER_CALL"), *meant = getenv("NO_ANSWER_PATH");
    const char *seconds = getenv("NO_ANSWER_SECONDS");
    if (!calls || !meant || !path || !strstr(calls, call) || strcmp(meant, path))
        return;
    if (seconds)
        sleep(atoi(seconds));
    else
        for (;;)
            pause();
}

static void wait_if_open(const char *call, int file)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        wait_if(call, path);
    }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    wait_if("open", path);
    return REAL(open64)(path, flags, mode);
}

ssize_t pread64(int file, void *data, size_t count, off64_t offset)
{
    wait_if_open("pread", file);
    return REAL(pread64)(file, data, count, offset);
}

ssize_t readv(int file, const struct iovec *parts, int count)
{
    wait_if_open("readv", file);
    return REAL(readv)(file, parts, count);
}
