/* The one list of error codes: name, value, text. */
#pragma once

/*          name            value  what went wrong                              */
#define GF_ERRORS(X)                                                              \
    X(GF_ENOMEM,             -1, "out of memory")                                 \
    X(GF_EFULL,              -2, "queue or buffer is full, try again later")      \
    X(GF_EINVAL,             -3, "malformed input")                               \
    X(GF_EIO,                -4, "disk or network failure")                       \
    X(GF_ECANCELED,          -5, "canceled by shutdown")                          \
    X(GF_EADDRINUSE,         -6, "the address is already in use")                 \
    X(GF_EACCES,             -7, "permission denied")                             \
    X(GF_ENOENT,             -8, "no such file or directory")                     \
    X(GF_EUNSUPPORTED,       -9, "not supported by this system")                  \
    X(GF_EMFILE,            -10, "too many open files")

enum gf_error {
    GF_OK = 0,
#define GF_ERROR_VALUE(name, value, text) name = (value),
    GF_ERRORS(GF_ERROR_VALUE)
#undef GF_ERROR_VALUE
};

/* gf_error_text - what an error code means, for people; "unknown error" for others. */
const char *gf_error_text(int error);
