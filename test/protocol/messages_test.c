/* The list of error texts. */
#include "protocol/messages.h"

#include <criterion/criterion.h>
#include <string.h>

/* A text that stands in the list twice is changed in one place only, one day. */
Test(messages, every_text_is_there_once)
{
    for (int id = GF_MSG_NONE + 1; id < GF_MESSAGES_COUNT; id++)
        for (int other = GF_MSG_NONE + 1; other < id; other++)
            cr_expect_neq(strcmp(gf_message_text((enum gf_message_id)id),
                                 gf_message_text((enum gf_message_id)other)),
                          0, "%s", gf_message_text((enum gf_message_id)id));
}
