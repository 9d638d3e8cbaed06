/* A whole stream: as bytes, as a copy, as a digest. */
#pragma once

#include <stdint.h>

#include "modules/dump.h"
#include "modules/stream.h"

struct gf_pace;

void gf_stream_save(const struct gf_stream *stream, struct gf_saver *saver);

/* gf_stream_load - NULL when the bytes are not what a save wrote, or there is no memory. */
struct gf_stream *gf_stream_load(struct gf_loader *loader);

/* gf_stream_copy - a stream that holds the same. pace: NULL, or it may pause in between. */
struct gf_stream *gf_stream_copy(const struct gf_stream *stream, struct gf_pace *pace);

/* gf_stream_digest - of what the stream holds, however it is stored. */
uint64_t gf_stream_digest(const struct gf_stream *stream, uint64_t seed);
