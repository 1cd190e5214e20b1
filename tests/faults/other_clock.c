/* A clock that is wrong: so many seconds from the right one (OTHER_CLOCK), or, where OTHER_CLOCK_JUMPS
   is set, that far away at every other look. Put in front of the C library's by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t away(void)
{
    static unsigned looks;
    const char *seconds = getenv("OTHER_CLOCK");
    if (!seconds || (getenv("OTHER_CLOCK_JUMPS") && ++looks % 2))
        return 0;
    return (time_t)strtoll(seconds, NULL, 10);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = REAL(clock_gettime)(clock, now);
    if (!failed && clock == CLOCK_REALTIME)
        now->tv_sec += away();
    return failed;
}

time_t time(time_t *now)
{
    time_t found = REAL(time)(NULL) + away();
    if (now)
        *now = found;
    return found;
}
