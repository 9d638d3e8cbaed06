/* Redis Cluster's hash slots: CRC16 (XMODEM: polynomial 0x1021, initial 0) of the key, or of its
 * tag. */
#pragma once

#include <stdint.h>

#include "core/bytes.h"

#define GF_SLOTS 16384

/* gf_crc16 - CRC16/XMODEM, eight bytes at a step. */
uint16_t gf_crc16(const char *data, size_t size);

/* gf_slot_tag - the part of a key that decides its slot: what is between the first '{' and the next
 * '}', if anything is; otherwise the whole key. */
struct gf_bytes gf_slot_tag(struct gf_bytes key);

/* gf_slot_of - 0 .. GF_SLOTS - 1. */
static inline uint16_t gf_slot_of(struct gf_bytes key)
{
    struct gf_bytes tag = gf_slot_tag(key);

    return gf_crc16(tag.data, tag.size) & (GF_SLOTS - 1);
}
