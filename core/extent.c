/* Each size of slots has a range of addresses and an array of notes, one for each slot ever used:
 * the free ones form two stacks through them, those with memory behind them and the bare ones.
 *
 * The kernel is called without the lock: a slot is on no stack then, so it is the caller's alone.
 *
 * Ranges are reserved without access and opened 64 MiB at a time, so that a system which counts
 * what programs could touch counts only that. Huge pages are declined: they would put memory where
 * nothing is held.
 */
#include "core/extent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/assert.h"

#define PAGE_SHIFT 12u
#define SLOT_SHIFT_MIN 15u /* 32 KiB */
#define SLOT_SHIFT_MAX 30u /* 1 GiB */
#define CLASSES (SLOT_SHIFT_MAX - SLOT_SHIFT_MIN + 1)
#define RANGE_SHIFT_MAX 42u          /* addresses of one class: 4 TiB at most */
#define RANGE_SHIFT_MIN 32u          /* and 4 GiB at least */
#define OPEN_SIZE ((size_t)64 << 20) /* of a range at a time */
#define KEEP_SIZE ((size_t)1 << 20)  /* memory of free slots that may stay */
#define KEEP_PART 64u                /* ... and this part of what is in use */
#define MOVE_SIZE ((size_t)1 << 20)  /* moved at a time, so that it is never there twice */
#define NONE UINT32_MAX

struct note {
    uint32_t pages; /* with memory behind them, from the first on */
    uint32_t next;  /* slot index on the stack, NONE */
};

struct class
{
    char *range;        /* where the slots are */
    struct note *notes; /* one for each */
    size_t opened;      /* bytes of the range that may be touched */
    uint32_t fresh;     /* slots below were used before */
    uint32_t resident;  /* the first free slot with memory, NONE */
    uint32_t bare;      /* the first free slot without */
};

/* The address space of a process is one, so are its slots. */
struct extents {
    pthread_once_t once;
    pthread_mutex_t lock;    /* over the classes */
    _Atomic uintptr_t begin; /* of all ranges */
    _Atomic uintptr_t end;   /* 0: there are none */
    uint32_t range_shift;    /* addresses of one class */
    uint32_t next_class;     /* that gives up memory when too much is kept */
    _Atomic size_t used;     /* pages behind slots in use */
    _Atomic size_t kept;     /* pages behind free slots */
    struct class classes[CLASSES];
};

/* tidy: allow mutable - the slots of the one address space; guarded by its lock */
static struct extents extents = {
    .once = PTHREAD_ONCE_INIT,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .begin = UINTPTR_MAX, /* with the end at 0, every mixture of old and new holds nothing */
};

static void *reserve(size_t size)
{
    void *range = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return range == MAP_FAILED ? NULL : range;
}

/* A class must take twice the memory there is: half of a slot may be empty. */
static uint32_t range_shift_wanted(void)
{
    size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    uint32_t shift = RANGE_SHIFT_MIN;

    while (shift < RANGE_SHIFT_MAX && (size_t)1 << shift < 2 * memory)
        shift++;
    return shift;
}

/* Bytes of the notes of all classes: each has half as many slots as the one before. */
static size_t notes_size(uint32_t range_shift)
{
    return ((size_t)2 << (range_shift - SLOT_SHIFT_MIN)) * sizeof(struct note);
}

static struct note *notes_map(uint32_t range_shift)
{
    void *notes = mmap(NULL, notes_size(range_shift), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return notes == MAP_FAILED ? NULL : notes;
}

static void extents_init(void)
{
    uint32_t shift = range_shift_wanted();
    struct note *notes;
    char *range;

    while (!(range = reserve((size_t)CLASSES << shift))) {
        if (--shift < RANGE_SHIFT_MIN)
            return;
    }
    notes = notes_map(shift);
    if (!notes) {
        (void)munmap(range, (size_t)CLASSES << shift); /* addresses only */
        return;
    }
    (void)madvise(range, (size_t)CLASSES << shift, MADV_NOHUGEPAGE); /* a wish */
    for (uint32_t i = 0; i < CLASSES; i++) {
        extents.classes[i] = (struct class){
            .range = range + ((size_t)i << shift), .notes = notes, .resident = NONE, .bare = NONE};
        notes += (size_t)1 << (shift - SLOT_SHIFT_MIN - i);
    }
    extents.range_shift = shift;
    atomic_store_explicit(&extents.begin, (uintptr_t)range, memory_order_relaxed);
    atomic_store_explicit(&extents.end, (uintptr_t)range + ((size_t)CLASSES << shift),
                          memory_order_relaxed);
}

bool gf_extent_holds(const void *address)
{
    return (uintptr_t)address >= atomic_load_explicit(&extents.begin, memory_order_relaxed) &&
           (uintptr_t)address < atomic_load_explicit(&extents.end, memory_order_relaxed);
}

static uint32_t class_of(size_t size)
{
    return size <= (size_t)1 << SLOT_SHIFT_MIN
               ? 0
               : 64u - (uint32_t)__builtin_clzll(size - 1) - SLOT_SHIFT_MIN;
}

static uint32_t pages_of(size_t size)
{
    return (uint32_t)((size + ((size_t)1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT);
}

static size_t size_of(size_t pages)
{
    return pages << PAGE_SHIFT;
}

/* Where an extent is. */
struct place {
    struct class *class;
    uint32_t shift; /* of the class's slots */
    uint32_t index; /* of the slot */
};

static struct place place_of(const void *extent)
{
    size_t offset = (uintptr_t)extent - atomic_load_explicit(&extents.begin, memory_order_relaxed);
    uint32_t class = (uint32_t)(offset >> extents.range_shift);
    struct place place = {.class = &extents.classes[class], .shift = SLOT_SHIFT_MIN + class};

    GF_ASSERT(gf_extent_holds(extent));
    offset = (size_t)((const char *)extent - place.class->range);
    GF_ASSERT((offset & (((size_t)1 << place.shift) - 1)) == 0);
    place.index = (uint32_t)(offset >> place.shift);
    return place;
}

static struct note *place_note(struct place place)
{
    return &place.class->notes[place.index];
}

static char *place_address(struct place place)
{
    return place.class->range + ((size_t)place.index << place.shift);
}

/* Memory for pages in a row; where that fails, each page has a fault of its own. */
static void pages_populate(char *address, size_t count)
{
#ifdef MADV_POPULATE_WRITE
    (void)madvise(address, size_of(count), MADV_POPULATE_WRITE);
#else
    (void)address;
    (void)count;
#endif
}

static void pages_release(char *address, size_t count)
{
    int error = madvise(address, size_of(count), MADV_DONTNEED);

    GF_ASSERT(error == 0);
}

/* Make a taken slot have `pages`, a sixteenth too many tolerated; its content may be lost only
 * behind them. */
static void place_fit(struct place place, uint32_t pages)
{
    struct note *note = place_note(place);
    uint32_t before = note->pages;

    if (before < pages) {
        pages_populate(place_address(place) + size_of(before), pages - before);
        note->pages = pages;
    } else if (before - pages > pages / 16) {
        pages_release(place_address(place) + size_of(pages), before - pages);
        note->pages = pages;
    }
    /* Wraps where it shrinks. */
    atomic_fetch_add_explicit(&extents.used, (size_t)note->pages - before, memory_order_relaxed);
}

/* A slot never used; false when there is none left. Under the lock. */
static bool class_extend(struct class *class, uint32_t shift, uint32_t *ret_index)
{
    size_t end = ((size_t) class->fresh + 1) << shift;
    size_t step = end - class->opened > OPEN_SIZE ? end - class->opened : OPEN_SIZE;

    if (end > (size_t)1 << extents.range_shift)
        return false;
    if (end > class->opened) {
        if (mprotect(class->range + class->opened, step, PROT_READ | PROT_WRITE) != 0)
            return false;
        class->opened += step;
    }
    *ret_index = class->fresh++;
    return true;
}

/* A free slot, one with memory first. */
static bool place_take(uint32_t index, struct place *ret_place)
{
    struct class *class = &extents.classes[index];
    struct place place = {.class = class, .shift = SLOT_SHIFT_MIN + index};
    bool taken = true;

    pthread_mutex_lock(&extents.lock);
    if (class->resident != NONE) {
        place.index = class->resident;
        class->resident = class->notes[place.index].next;
    } else if (class->bare != NONE) {
        place.index = class->bare;
        class->bare = class->notes[place.index].next;
    } else {
        taken = class_extend(class, place.shift, &place.index);
    }
    pthread_mutex_unlock(&extents.lock);
    if (taken) {
        uint32_t pages = place_note(place)->pages;

        atomic_fetch_sub_explicit(&extents.kept, pages, memory_order_relaxed);
        atomic_fetch_add_explicit(&extents.used, pages, memory_order_relaxed);
        *ret_place = place;
    }
    return taken;
}

static bool take(size_t size, struct place *ret_place)
{
    int error = pthread_once(&extents.once, extents_init);

    GF_ASSERT(error == 0);
    GF_ASSERT(size - 1 < GF_EXTENT_SIZE_MAX);
    return extents.range_shift > 0 && place_take(class_of(size), ret_place);
}

void *gf_extent_take(size_t size)
{
    struct place place;

    if (!take(size, &place))
        return NULL;
    place_fit(place, pages_of(size));
    return place_address(place);
}

/* Onto the stack it belongs to. */
static void place_push(struct place place)
{
    struct note *note = place_note(place);
    uint32_t *top;

    pthread_mutex_lock(&extents.lock);
    top = note->pages > 0 ? &place.class->resident : &place.class->bare;
    note->next = *top;
    *top = place.index;
    pthread_mutex_unlock(&extents.lock);
}

static void place_release(struct place place)
{
    struct note *note = place_note(place);

    pages_release(place_address(place), note->pages);
    atomic_fetch_sub_explicit(&extents.kept, note->pages, memory_order_relaxed);
    note->pages = 0;
    place_push(place);
}

/* Some free slot with memory behind it, of one class after the other. */
static bool place_pop_kept(struct place *ret_place)
{
    bool found = false;

    pthread_mutex_lock(&extents.lock);
    for (uint32_t looks = 0; looks < CLASSES && !found; looks++) {
        uint32_t index = extents.next_class++ % CLASSES;
        struct class *class = &extents.classes[index];

        found = class->resident != NONE;
        if (found) {
            *ret_place = (struct place){
                .class = class, .shift = SLOT_SHIFT_MIN + index, .index = class->resident};
            class->resident = class->notes[class->resident].next;
        }
    }
    pthread_mutex_unlock(&extents.lock);
    return found;
}

void gf_extent_give(void *extent)
{
    struct place place = place_of(extent);
    size_t pages = place_note(place)->pages;
    size_t used = atomic_fetch_sub_explicit(&extents.used, pages, memory_order_relaxed);
    size_t keep = pages_of(KEEP_SIZE) + used / KEEP_PART;

    atomic_fetch_add_explicit(&extents.kept, pages, memory_order_relaxed);
    if (pages > keep / 2)
        place_release(place);
    else
        place_push(place);
    while (atomic_load_explicit(&extents.kept, memory_order_relaxed) > keep &&
           place_pop_kept(&place))
        place_release(place);
}

void gf_extent_trim(void)
{
    struct place place;

    while (atomic_load_explicit(&extents.kept, memory_order_relaxed) > 0 && place_pop_kept(&place))
        place_release(place);
    pthread_mutex_lock(&extents.lock);
    extents.next_class = 0; /* which slots keep memory is as after the start, too */
    pthread_mutex_unlock(&extents.lock);
}

/* Piece by piece, each given back before the next is taken. */
static void extent_move(struct place to, struct place from, uint32_t pages)
{
    char *target = place_address(to);
    char *source = place_address(from);
    size_t size = size_of(place_note(from)->pages);

    if (size <= MOVE_SIZE) {
        place_fit(to, pages);
        memcpy(target, source, size);
        return;
    }
    for (size_t at = 0; at < size; at += MOVE_SIZE) {
        size_t piece = size - at < MOVE_SIZE ? size - at : MOVE_SIZE;

        if (place_note(to)->pages < pages_of(at + piece))
            place_fit(to, pages_of(at + piece));
        memcpy(target + at, source + at, piece);
        pages_release(source + at, pages_of(piece));
    }
    atomic_fetch_sub_explicit(&extents.used, place_note(from)->pages, memory_order_relaxed);
    place_note(from)->pages = 0;
    place_fit(to, pages);
}

void *gf_extent_resize(void *extent, size_t size)
{
    struct place from = place_of(extent);
    struct place to;

    GF_ASSERT(size - 1 < GF_EXTENT_SIZE_MAX);
    if (size <= (size_t)1 << from.shift) {
        place_fit(from, pages_of(size));
        return extent;
    }
    if (!take(size, &to))
        return NULL;
    extent_move(to, from, pages_of(size));
    gf_extent_give(extent);
    return place_address(to);
}

size_t gf_extent_size(const void *extent)
{
    return size_of(place_note(place_of(extent))->pages);
}

size_t gf_extent_free_size(void)
{
    return size_of(atomic_load_explicit(&extents.kept, memory_order_relaxed));
}

size_t gf_extent_used_size(void)
{
    return size_of(atomic_load_explicit(&extents.used, memory_order_relaxed));
}
