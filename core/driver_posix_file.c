/* What both real drivers have in common: whole files, clocks, randomness, and figures. */
#include "core/driver_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/assert.h"

#define NS_PER_S 1000000000ull
#define NS_PER_US 1000ull
#define FILE_MODE 0644           /* of a file that was not there before */
#define FILE_SIZE_MAX (1u << 30) /* of a file that is read whole */

static uint64_t clock_read_ns(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

uint64_t gf_posix_now_ns(struct gf_driver *driver)
{
    (void)driver;
    return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t gf_posix_wall_us(struct gf_driver *driver)
{
    (void)driver;
    return clock_read_ns(CLOCK_REALTIME) / NS_PER_US;
}

uint64_t gf_posix_cpu_ns(struct gf_driver *driver, bool system)
{
    struct rusage usage;
    const struct timeval *time = system ? &usage.ru_stime : &usage.ru_utime;

    (void)driver;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_usec * NS_PER_US;
}

void gf_posix_sleep(struct gf_driver *driver, uint64_t duration_ns)
{
    struct timespec left = {.tv_sec = (time_t)(duration_ns / NS_PER_S),
                            .tv_nsec = (long)(duration_ns % NS_PER_S)};

    (void)driver;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

void gf_posix_random(struct gf_driver *driver, void *bytes, size_t size)
{
    char *place = bytes;

    (void)driver;
    while (size > 0) {
        ssize_t count = getrandom(place, size, 0);

        GF_ASSERT(count > 0 || errno == EINTR);
        if (count < 0)
            continue;
        place += count;
        size -= (size_t)count;
    }
}

uint64_t gf_posix_resident_size(struct gf_driver *driver)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t pages = 0;

    (void)driver;
    if (!file)
        return 0;
    if (fscanf(file, "%*s %lu", &pages) != 1) /* size, then resident */
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int file_read_all(int file, char *data, size_t size)
{
    size_t place = 0;

    while (place < size) {
        ssize_t count = read(file, data + place, size - place);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return GF_EIO; /* an error, or it shrank while it was read */
        place += (size_t)count;
    }
    return GF_OK;
}

int gf_posix_file_read(struct gf_driver *driver, const char *path, char **ret_data,
                       size_t *ret_size)
{
    struct stat state;
    char *data = NULL;
    int error;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    (void)driver;
    if (file < 0)
        return gf_posix_error(errno);
    error = GF_EINVAL;
    if (fstat(file, &state) < 0 || !S_ISREG(state.st_mode) || state.st_size > FILE_SIZE_MAX)
        goto out;
    error = GF_ENOMEM;
    data = gf_alloc_try(GF_MEMORY_OTHER, (size_t)state.st_size);
    if (!data)
        goto out;
    error = file_read_all(file, data, (size_t)state.st_size);
    if (error != GF_OK)
        goto out;
    *ret_data = data;
    *ret_size = (size_t)state.st_size;
    data = NULL;

out:
    gf_free(GF_MEMORY_OTHER, data);
    close(file);
    return error;
}

static int file_write_synced(int file, struct gf_bytes content)
{
    while (content.size > 0) {
        ssize_t count = write(file, content.data, content.size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return GF_EIO;
        content.data += count;
        content.size -= (size_t)count;
    }
    return fsync(file) == 0 ? GF_OK : GF_EIO;
}

/* Makes a rename in the directory of `path` durable. */
static int directory_sync(const char *path)
{
    char copy[PATH_MAX];
    int directory;
    int error;

    snprintf(copy, sizeof(copy), "%s", path); /* dirname writes into it */
    directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return gf_posix_error(errno);
    error = fsync(directory) == 0 ? GF_OK : GF_EIO;
    close(directory);
    return error;
}

/* An empty file that whoever may not read `path` may not read either. */
static int file_create_like(const char *path, const char *beside)
{
    struct stat state;
    bool known = stat(path, &state) == 0;
    mode_t mode = known ? state.st_mode & 0777 : FILE_MODE;
    int file;

    (void)unlink(beside); /* a rest of an attempt that ended half-way */
    file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file >= 0 && known)
        (void)fchmod(file, mode); /* without it the umask only takes permissions away */
    return file;
}

int gf_posix_file_replace(struct gf_driver *driver, const char *path, struct gf_bytes content)
{
    char beside[PATH_MAX];
    int error;
    int file;

    (void)driver;
    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
        return GF_EINVAL;
    file = file_create_like(path, beside);
    if (file < 0)
        return gf_posix_error(errno);
    error = file_write_synced(file, content);
    if (close(file) < 0 && error == GF_OK)
        error = GF_EIO;
    if (error == GF_OK && rename(beside, path) < 0)
        error = gf_posix_error(errno);
    if (error != GF_OK) {
        (void)unlink(beside); /* it may not even be there */
        return error;
    }
    return directory_sync(path);
}
