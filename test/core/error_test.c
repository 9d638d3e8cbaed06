/* core/error: every code has its own value and text. */
#include "core/error.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "core/assert.h"

static const int codes[] = {
#define CODE(name, value, text) name,
    GF_ERRORS(CODE)
#undef CODE
};

/* A log line with "unknown error" helps nobody. */
Test(error, every_code_has_a_text)
{
    for (size_t i = 0; i < GF_COUNT(codes); i++) {
        cr_expect(codes[i] < 0);
        cr_expect(strcmp(gf_error_text(codes[i]), "unknown error") != 0);
        for (size_t j = 0; j < i; j++)
            cr_expect(strcmp(gf_error_text(codes[i]), gf_error_text(codes[j])) != 0);
    }
}

/* Codes from elsewhere (errno values, byte counts) are recognised as foreign. */
Test(error, foreign_codes_are_unknown)
{
    cr_expect(eq(str, (char *)gf_error_text(1), "unknown error"));
    cr_expect(eq(str, (char *)gf_error_text(-4711), "unknown error"));
}
