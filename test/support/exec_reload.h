/* Sends what a fixture holds through save and load: afterwards nobody can tell. */
#pragma once

#include <stdint.h>

#include "support/exec_fixture.h"

/* exec_reload - every value of every database is replaced by what load makes of what save wrote.
 *
 * Asserts that a loaded value is saved as the same bytes, and that DEBUG DIGEST is what it was.
 * Expiry and access times stay.
 * Returns    how many values there were
 */
uint32_t exec_reload(struct exec_fixture *fixture);

/* exec_reload_mutated - `count` damaged versions of each saved value of the selected database,
 * their checksum made good, are loaded: what comes of it is no crash, and a value that commands can
 * use. The data is another one afterwards. */
void exec_reload_mutated(struct exec_fixture *fixture, uint32_t count, uint64_t seed);

/* exec_payload - the payload of a key's value in one piece; false when there is no such key. */
bool exec_payload(struct exec_fixture *fixture, struct gf_bytes key, struct gf_buf *ret_payload);
/* exec_payload_seal - append what a payload ends with. */
void exec_payload_seal(struct gf_buf *payload);

/* exec_load_and_use - RESTORE a payload under `key`; what is loaded is asked whatever a value can
 * be asked, and random commands run. False when it was refused. */
bool exec_load_and_use(struct exec_fixture *fixture, struct gf_bytes key, struct gf_bytes payload);

/* exec_expect_same - both hold the same keys with the same saved bytes, in all databases. */
void exec_expect_same(struct exec_fixture *a, struct exec_fixture *b);
