/* The one list of error codes: name, value, text. */
#pragma once

/*          name            value  what went wrong                              */
#define GF_ERRORS(X)                                                              \
    X(GF_ENOMEM,             -1, "out of memory")                                 \
    X(GF_EFULL,              -2, "queue or buffer is full, try again later")      \
    X(GF_EINVAL,             -3, "malformed input")                               \
    X(GF_EIO,                -4, "disk or network failure")                       \
    X(GF_ECORRUPT,           -5, "stored data failed its checksum")               \
    X(GF_ENOTLEADER,         -6, "this replica is not the leader")                \
    X(GF_ECANCELED,          -7, "canceled by shutdown")                          \
    X(GF_EADDRINUSE,         -8, "the address is already in use")                 \
    X(GF_EACCES,             -9, "permission denied")                             \
    X(GF_ENOENT,            -10, "no such file or directory")                     \
    X(GF_EUNSUPPORTED,      -11, "not supported by this system")                  \
    X(GF_ERANGE,            -12, "the number is out of range")                    \
    X(GF_EMFILE,            -13, "too many open files")

enum gf_error {
    GF_OK = 0,
#define GF_ERROR_VALUE(name, value, text) name = (value),
    GF_ERRORS(GF_ERROR_VALUE)
#undef GF_ERROR_VALUE
};

/* gf_error_text - what an error code means, for people; "unknown error" for others. */
const char *gf_error_text(int error);

/* gf_error_name - "GF_ENOMEM" for GF_ENOMEM, and so on. */
const char *gf_error_name(int error);
