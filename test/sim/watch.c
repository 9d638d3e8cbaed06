/* Tracks, and stretches of them. */
#include "sim/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"

static void append(struct gf_buf *buf, const void *data, size_t size)
{
    GF_ASSERT(gf_buf_append(buf, (struct gf_bytes){.data = data, .size = size}) == GF_OK);
}

static uint64_t hash_add(uint64_t hash, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- Tracks ---- */

void sim_tracks_init(struct sim_tracks *tracks, struct sim_world *world)
{
    *tracks = (struct sim_tracks){.world = world};
    gf_list_init(&tracks->list);
}

void sim_tracks_deinit(struct sim_tracks *tracks)
{
    struct gf_link *link;

    while ((link = gf_list_pop_front(&tracks->list))) {
        struct sim_track *track = gf_container(link, struct sim_track, link);

        gf_buf_deinit(&track->hashes);
        gf_free(GF_MEMORY_OTHER, track);
    }
}

struct sim_track *sim_track_add(struct sim_tracks *tracks, const struct sim_client *client)
{
    struct sim_track *track = gf_alloc_zero(GF_MEMORY_OTHER, sizeof(*track));

    snprintf(track->address, sizeof(track->address), "%s", client->socket->local.text);
    track->id = tracks->count++;
    gf_list_push_back(&tracks->list, &track->link);
    return track;
}

/* One byte as MONITOR quotes it. */
static uint64_t hash_quoted(uint64_t hash, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    char text[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};

    switch (byte) {
    case '\n':
        return hash_add(hash, "\\n", 2);
    case '\r':
        return hash_add(hash, "\\r", 2);
    case '\t':
        return hash_add(hash, "\\t", 2);
    case '\a':
        return hash_add(hash, "\\a", 2);
    case '\b':
        return hash_add(hash, "\\b", 2);
    case '"':
    case '\\':
        hash = hash_add(hash, "\\", 1);
        break;
    default:
        if (byte >= 32 && byte < 127)
            break;
        return hash_add(hash, text, sizeof(text));
    }
    return hash_add(hash, (const char *)&byte, 1);
}

void sim_track_queue(struct sim_track *track, const struct sim_command *command)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < command->count; i++) {
        struct gf_bytes word = sim_command_word(command, i);

        hash = hash_add(hash, " \"", 2);
        for (size_t k = 0; k < word.size; k++)
            hash = hash_quoted(hash, (unsigned char)word.data[k]);
        hash = hash_add(hash, "\"", 1);
    }
    append(&track->hashes, &hash, sizeof(hash));
}

/* ---- Watching ---- */

void sim_watch_ask(struct sim_watch *watch, struct sim_tracks *tracks)
{
    *watch = (struct sim_watch){.tracks = tracks};
}

void sim_watch_begin(struct sim_watch *watch)
{
    struct gf_link *link = gf_list_peek_front(&watch->tracks->list);

    watch->begun = true;
    for (; link; link = gf_list_next(&watch->tracks->list, link)) {
        const struct sim_track *track = gf_container(link, struct sim_track, link);

        append(&watch->sent, &track->sent, sizeof(track->sent));
    }
}

/* Of a track; 0 when it was not there yet. */
static uint32_t count_at(const struct gf_buf *counts, uint32_t track)
{
    return track < counts->size / sizeof(uint32_t)
               ? ((const uint32_t *)(const void *)counts->data)[track]
               : 0;
}

static struct sim_track *track_find(struct sim_tracks *tracks, const char *address, size_t size)
{
    struct gf_link *link = gf_list_peek_front(&tracks->list);

    for (; link; link = gf_list_next(&tracks->list, link)) {
        struct sim_track *track = gf_container(link, struct sim_track, link);

        if (strlen(track->address) == size && memcmp(track->address, address, size) == 0)
            return track;
    }
    return NULL;
}

/* <time> [<database> <address>] "word" ... */
void sim_watch_line(struct sim_watch *watch, struct gf_bytes text)
{
    const char *open = memchr(text.data, '[', text.size);
    const char *space = open ? memchr(open, ' ', (size_t)(text.data + text.size - open)) : NULL;
    const char *close = space ? memchr(space, ']', (size_t)(text.data + text.size - space)) : NULL;
    struct sim_track *track;
    uint64_t line[2];

    if (!watch->tracks)
        return; /* RESET is on its way */
    if (!close)
        sim_fail(watch->tracks->world, "no line of a monitor: %.*s", (int)text.size, text.data);
    track = track_find(watch->tracks, space + 1, (size_t)(close - space - 1));
    if (!track)
        return; /* of somebody who is not followed */
    line[0] = track->id;
    line[1] = hash_add(0, close + 1, (size_t)(text.data + text.size - close - 1));
    append(&watch->lines, line, sizeof(line));
}

/* Whether `seen` is a stretch of the track that begins at first_max or before and reaches
 * end_min. */
static bool stretch_fits(const struct sim_track *track, const uint64_t *seen, uint32_t seen_count,
                         uint32_t first_max, uint32_t end_min)
{
    uint32_t count = (uint32_t)(track->hashes.size / sizeof(uint64_t));
    const uint64_t *hashes = (const uint64_t *)(const void *)track->hashes.data;

    for (uint32_t first = 0; first <= first_max; first++) {
        if (first + seen_count > count || first + seen_count < end_min)
            continue;
        if (seen_count == 0 || memcmp(hashes + first, seen, seen_count * sizeof(*seen)) == 0)
            return true;
    }
    return false;
}

static void track_check(const struct sim_watch *watch, const struct sim_track *track, bool quiet)
{
    const uint64_t *lines = (const uint64_t *)(const void *)watch->lines.data;
    size_t lines_count = watch->lines.size / (2 * sizeof(uint64_t));
    uint32_t first_max = count_at(&watch->sent, track->id);
    struct gf_buf seen = {0};
    uint32_t seen_count;

    for (size_t i = 0; i < lines_count; i++) {
        if (lines[2 * i] == track->id)
            append(&seen, &lines[2 * i + 1], sizeof(uint64_t));
    }
    seen_count = (uint32_t)(seen.size / sizeof(uint64_t));
    if (!stretch_fits(track, (const uint64_t *)(const void *)seen.data, seen_count, first_max,
                      quiet ? track->answered : 0))
        sim_fail(watch->tracks->world,
                 "a monitor saw %u commands of %s: that is no stretch of its %zu, %u of them "
                 "answered, that begins at %u or before%s",
                 seen_count, track->address, track->hashes.size / sizeof(uint64_t), track->answered,
                 first_max, quiet ? " and goes to the end" : "");
    gf_buf_deinit(&seen);
}

void sim_watch_end(struct sim_watch *watch, bool quiet)
{
    struct gf_link *link;

    if (!watch->tracks)
        return;
    link = gf_list_peek_front(&watch->tracks->list);
    for (; link && watch->begun; link = gf_list_next(&watch->tracks->list, link))
        track_check(watch, gf_container(link, struct sim_track, link), quiet);
    gf_buf_deinit(&watch->sent);
    gf_buf_deinit(&watch->lines);
    watch->tracks = NULL;
}
