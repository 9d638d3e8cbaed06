/* Ids and texts of the messages in messages.def. */
#pragma once

#include "protocol/messages.def"

enum gf_message_id {
    GF_MSG_NONE,
#define GF_MESSAGE_ID(id, text) GF_MSG_##id,
    GF_MESSAGES(GF_MESSAGE_ID)
#undef GF_MESSAGE_ID
    GF_MESSAGES_COUNT
};

/* gf_message_text - the text of a message other than GF_MSG_NONE. */
const char *gf_message_text(enum gf_message_id id);
