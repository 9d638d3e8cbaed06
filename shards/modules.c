/* The list of the server's own modules. */
#include "shards/modules.h"

#include "core/assert.h"

extern const struct gf_module gf_acl_module;
extern const struct gf_module gf_config_module;
extern const struct gf_module gf_connection_module;
extern const struct gf_module gf_debug_module;
extern const struct gf_module gf_info_module;
extern const struct gf_module gf_latency_module;
extern const struct gf_module gf_node_memory_module;
extern const struct gf_module gf_server_module;
extern const struct gf_module gf_slowlog_module;

const struct gf_module *const gf_server_modules[] = {
    &gf_connection_module,
    &gf_acl_module,
    &gf_config_module,
    &gf_debug_module,
    &gf_info_module,
    &gf_latency_module,
    &gf_node_memory_module,
    &gf_server_module,
    &gf_slowlog_module,
};

const uint32_t gf_server_modules_count = GF_COUNT(gf_server_modules);
