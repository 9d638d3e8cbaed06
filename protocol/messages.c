/* Texts of the messages in messages.def. */
#include "protocol/messages.h"

#include "core/assert.h"

static const char *const texts[GF_MESSAGES_COUNT] = {
#define GF_MESSAGE_TEXT(id, text) [GF_MSG_##id] = (text),
    GF_MESSAGES(GF_MESSAGE_TEXT)
#undef GF_MESSAGE_TEXT
};

const char *gf_message_text(enum gf_message_id id)
{
    GF_ASSERT(id > GF_MSG_NONE);
    GF_ASSERT(id < GF_MESSAGES_COUNT);
    return texts[id];
}
