/* HyperLogLogs: how many different things were seen, in 12 KiB at most, 0.81 % off.
 *
 * The bytes are Redis's, so that values go back and forth:
 *
 *   OFFSET  SIZE   MEANING
 *   0       4      "HYLL"
 *   4       1      0 = dense, 1 = sparse
 *   5       3      zero
 *   8       8      the count, low byte first; the highest bit: it is out of date
 *   16      …      dense: 16384 registers of 6 bits, the low bits of a byte first
 *                  sparse: runs of registers, until there are 16384
 *
 *   00nnnnnn           1 + n registers are 0
 *   01nnnnnn nnnnnnnn  the same, with more of them (high bits first)
 *   1vvvvvnn           1 + n registers are 1 + v
 *
 * An element's hash chooses a register (14 bits), which keeps the longest run of zeroes seen at the
 * end of the other 50. Source of the estimate: O. Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bytes.h"

#define GF_HLL_REGISTERS 16384
#define GF_HLL_HEADER_SIZE 16
#define GF_HLL_DENSE_SIZE (GF_HLL_HEADER_SIZE + GF_HLL_REGISTERS * 6 / 8)

/* What an element may do to a register. */
struct gf_hll_mark {
    uint32_t index; /* 0 .. GF_HLL_REGISTERS - 1 */
    uint8_t rank;   /* 1 .. 51 */
};

/* gf_hll_mark - the mark of an element. */
struct gf_hll_mark gf_hll_mark(struct gf_bytes element);

/* gf_hll_valid - `bytes` begin as one does, and a dense one has its size. */
bool gf_hll_valid(struct gf_bytes bytes);
bool gf_hll_is_dense(struct gf_bytes bytes);

/* gf_hll_init - an empty one, sparse. */
void gf_hll_init(struct gf_buf *ret_hll);

/* gf_hll_forget_count - the count in the header is out of date. */
void gf_hll_forget_count(char *hll);
/* gf_hll_known_count - the count in the header, or -1. */
int64_t gf_hll_known_count(struct gf_bytes hll);

enum gf_hll_change {
    GF_HLL_SAME,
    GF_HLL_CHANGED,
    GF_HLL_BROKEN, /* its runs make no sense */
};

/* gf_hll_dense_set - a mark in a dense one, in place. */
enum gf_hll_change gf_hll_dense_set(char *hll, struct gf_hll_mark mark);

/* gf_hll_set - a mark in one of either form; a sparse one that would be longer than `size_max`, or
 * cannot hold the rank, becomes dense. */
enum gf_hll_change gf_hll_set(struct gf_buf *hll, struct gf_hll_mark mark, uint64_t size_max);

/* gf_hll_to_dense - false when it is broken (nothing has changed then). */
bool gf_hll_to_dense(struct gf_buf *hll);

/* gf_hll_merge - every register becomes the larger of itself and the one in `hll`. False when that
 * is broken. */
bool gf_hll_merge(uint8_t registers[GF_HLL_REGISTERS], struct gf_bytes hll);

/* gf_hll_estimate - how many different elements left these registers. */
uint64_t gf_hll_estimate(const uint8_t registers[GF_HLL_REGISTERS]);

/* One run of a sparse one, for PFDEBUG and for all that reads them. */
struct gf_hll_run {
    uint32_t size;   /* bytes that it takes: 1 or 2 */
    uint32_t length; /* registers */
    uint8_t rank;    /* of each; 0 for runs of zeroes */
};

/* gf_hll_run_next - the run at *at, and *at behind it; false at the end, or for half a run. */
bool gf_hll_run_next(const char **at, const char *end, struct gf_hll_run *ret_run);
