/* One value on its own, as DUMP gives it away and RESTORE takes it: checksummed and versioned.
 *
 *   OFFSET  SIZE  MEANING
 *   0       1     id of the value's type
 *   1       n     types from outside the tree: their name (gf_save_bytes), since an id may mean
 *                 another type elsewhere
 *   1 + n   m     what the type's `save` wrote
 *   end-10  2     GF_PAYLOAD_VERSION, low byte first
 *   end-8   8     checksum of everything before, low byte first: XXH3 of each 4096 bytes, and of
 *                 what is left, under the XXH3 of those before (0 at first)
 *
 * The checksum finds accidents. Who makes a payload by hand can make a good checksum, too: what is
 * inside is believed no more than any other bytes of a client.
 */
#pragma once

#include <stdint.h>

#include "core/buf.h"
#include "core/bytes.h"
#include "modules/keyspace.h"
#include "modules/module.h"

#define GF_PAYLOAD_VERSION 0x4701u /* its high byte is no version of Redis's */
#define GF_PAYLOAD_FOOTER_SIZE 10

enum gf_payload_result {
    GF_PAYLOAD_OK,
    GF_PAYLOAD_DAMAGED, /* not of this version, or not as it was written */
    GF_PAYLOAD_ODD,     /* as it was written, but no value; or there is no memory for it */
};

/* gf_payload_save - append `object` to `chain`. */
void gf_payload_save(const struct gf_type *type, const struct gf_object *object,
                     struct gf_chain *chain);

/* gf_payload_seal - append the footer to what `chain` holds: version and checksum. */
void gf_payload_seal(struct gf_chain *chain);

/* gf_payload_load - the value in `payload`, for a keyspace with this context.
 *
 * ret_value  as gf_keyspace_take gives one; gf_value_deinit frees what was not put
 */
enum gf_payload_result gf_payload_load(const struct gf_keyspace_context *context,
                                       struct gf_bytes payload, struct gf_value *ret_value);
