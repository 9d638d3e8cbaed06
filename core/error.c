/* Texts of the error codes. */
#include "core/error.h"

const char *gf_error_text(int error)
{
    switch (error) {
    case GF_OK:
        return "no error";
#define GF_ERROR_TEXT(name, value, text)                                                           \
    case name:                                                                                     \
        return text;
        GF_ERRORS(GF_ERROR_TEXT)
#undef GF_ERROR_TEXT
    default:
        return "unknown error";
    }
}

