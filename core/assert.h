/* Assertions: what this program promises itself. */
#pragma once

/* Always on, release included: O(1) checks. */
#define GF_ASSERT(cond) ((cond) ? (void)0 : gf_panic(__FILE__, __LINE__, #cond))

/* Debug, test and sanitizer builds only: checks that walk a structure. */
#ifdef GF_VERIFY_ENABLED
#define GF_VERIFY(cond) GF_ASSERT(cond)
#else
#define GF_VERIFY(cond) ((void)sizeof((cond) ? 1 : 0))
#endif

#define GF_CACHE_LINE 64
#define GF_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GF_LIKELY(cond) __builtin_expect(!!(cond), 1)
#define GF_UNLIKELY(cond) __builtin_expect(!!(cond), 0)

/* gf_panic - a broken promise: prints place, condition and backtrace to stderr, then aborts. */
_Noreturn void gf_panic(const char *file, int line, const char *what);
