/* Elements that an answer still owes: the bookkeeping of debug builds, nothing in the others.
 *
 * owed[0] counts the answer itself, owed[1] .. owed[depth] the open aggregates, outermost first. An
 * aggregate is one element of what is around it, paid for when it begins; it leaves the stack when
 * its own elements are complete. A promise that is not kept is an assertion, in place of a client
 * that waits for ever.
 */
#pragma once

#include <stdint.h>

#include "core/assert.h"
#include "protocol/reply.h"

#ifdef GF_VERIFY_ENABLED

/* An open aggregate owes any number; what is left of this tells how many came. */
#define GF_OWED_OPEN (UINT64_MAX / 2)

static inline void gf_owed_reset(struct gf_reply *reply)
{
    reply->depth = 0;
    reply->owed[0] = 1;
}

static inline void gf_owed_pay(struct gf_reply *reply, uint64_t elements)
{
    GF_VERIFY(reply->owed[reply->depth] >= elements);
    reply->owed[reply->depth] -= elements;
    while (reply->depth > 0 && reply->owed[reply->depth] == 0)
        reply->depth--;
}

static inline void gf_owed_aggregate(struct gf_reply *reply, uint64_t elements)
{
    GF_VERIFY(reply->owed[reply->depth] > 0);
    reply->owed[reply->depth]--;
    if (elements > 0) {
        GF_VERIFY(reply->depth + 1 < GF_REPLY_DEPTH_MAX);
        reply->owed[++reply->depth] = elements;
    }
    gf_owed_pay(reply, 0);
}

static inline void gf_owed_close(struct gf_reply *reply, uint64_t elements)
{
    GF_VERIFY(reply->depth > 0);
    GF_VERIFY(reply->owed[reply->depth] == GF_OWED_OPEN - elements);
    reply->owed[reply->depth] = 0;
    gf_owed_pay(reply, 0);
}

static inline void gf_owed_check_end(struct gf_reply *reply)
{
    GF_VERIFY(reply->depth == 0);
    GF_VERIFY(reply->owed[0] == 0);
    gf_owed_reset(reply);
}

#else

#define GF_OWED_OPEN 0

static inline void gf_owed_reset(struct gf_reply *reply)
{
    (void)reply;
}

static inline void gf_owed_pay(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void gf_owed_aggregate(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void gf_owed_close(struct gf_reply *reply, uint64_t elements)
{
    (void)reply;
    (void)elements;
}

static inline void gf_owed_check_end(struct gf_reply *reply)
{
    (void)reply;
}

#endif
