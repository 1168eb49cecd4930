/* Preloaded before the C library; every fdatasync takes SLOW_FDATASYNC_US longer. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int file)
{
    const char *delay_us = getenv("SLOW_FDATASYNC_US");
    int done = (int)syscall(SYS_fdatasync, file);
    if (delay_us)
        usleep((useconds_t)atoi(delay_us));
    return done;
}
