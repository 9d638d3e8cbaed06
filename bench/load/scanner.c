/* A line is collected until its newline; a bulk's bytes are only counted. */
#include "bench/load/scanner.h"

#include <stdlib.h>
#include <string.h>

#define BULK_MAX (512LL << 20) /* the protocol's limit */

/* What the finished line in scanner->line means. GF_SCAN_MORE: a bulk follows it. */
static enum gf_scan scanner_judge(struct gf_scanner *scanner)
{
    long long size;

    switch (scanner->line[0]) {
    case '+':
    case ':':
        return GF_SCAN_DONE;
    case '-':
        return GF_SCAN_ERROR;
    case '_':
        return GF_SCAN_NULL;
    case '$':
        size = strtoll(scanner->line + 1, NULL, 10);
        if (size == -1)
            return GF_SCAN_NULL;
        if (size < 0 || size > BULK_MAX)
            return GF_SCAN_BROKEN;
        scanner->skip = (uint64_t)size + 2; /* and its \r\n */
        return GF_SCAN_MORE;
    default:
        return GF_SCAN_BROKEN;
    }
}

/* Takes bytes up to and including a newline; true when there was one. */
static int scanner_take_line(struct gf_scanner *scanner, const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    size_t size = (size_t)((newline ? newline : end) - *at);
    size_t room = sizeof scanner->line - 1 - scanner->line_size;
    size_t kept = size < room ? size : room;

    memcpy(scanner->line + scanner->line_size, *at, kept);
    scanner->line_size += (uint32_t)kept;
    scanner->line[scanner->line_size] = 0;
    *at = newline ? newline + 1 : end;
    return newline != NULL;
}

enum gf_scan gf_scanner_next(struct gf_scanner *scanner, const char **at, const char *end)
{
    while (*at < end) {
        enum gf_scan scan;

        if (scanner->skip > 0) {
            uint64_t left = (uint64_t)(end - *at);
            uint64_t taken = left < scanner->skip ? left : scanner->skip;

            *at += taken;
            scanner->skip -= taken;
            if (scanner->skip == 0)
                return GF_SCAN_DONE;
            continue;
        }
        if (!scanner_take_line(scanner, at, end))
            return GF_SCAN_MORE;
        scan = scanner_judge(scanner);
        scanner->line_size = 0;
        if (scan != GF_SCAN_MORE)
            return scan;
    }
    return GF_SCAN_MORE;
}
