/* The list of the server's own modules. */
#include "shards/modules.h"

#include "core/assert.h"

extern const struct gf_module gf_auth_module;
extern const struct gf_module gf_client_kill_module;
extern const struct gf_module gf_client_list_module;
extern const struct gf_module gf_client_module;
extern const struct gf_module gf_client_pause_module;
extern const struct gf_module gf_cluster_module;
extern const struct gf_module gf_cluster_slot_module;
extern const struct gf_module gf_acl_module;
extern const struct gf_module gf_config_module;
extern const struct gf_module gf_connection_module;
extern const struct gf_module gf_debug_module;
extern const struct gf_module gf_info_module;
extern const struct gf_module gf_latency_module;
extern const struct gf_module gf_monitor_module;
extern const struct gf_module gf_node_memory_module;
extern const struct gf_module gf_plugin_module;
extern const struct gf_module gf_pubsub_info_module;
extern const struct gf_module gf_pubsub_module;
extern const struct gf_module gf_server_module;
extern const struct gf_module gf_slowlog_module;
extern const struct gf_module gf_tracking_module;
extern const struct gf_module gf_transaction_module;

/* clang-format off */
const struct gf_module *const gf_server_modules[] = {
    &gf_connection_module,
    &gf_auth_module,
    &gf_client_module,
    &gf_client_list_module,
    &gf_client_kill_module,
    &gf_client_pause_module,
    &gf_tracking_module,
    &gf_transaction_module,
    &gf_monitor_module,
    &gf_plugin_module,
    &gf_pubsub_module,
    &gf_pubsub_info_module,
    &gf_cluster_module,
    &gf_cluster_slot_module,
    &gf_acl_module,
    &gf_config_module,
    &gf_debug_module,
    &gf_info_module,
    &gf_latency_module,
    &gf_node_memory_module,
    &gf_server_module,
    &gf_slowlog_module,
};
/* clang-format on */

const uint32_t gf_server_modules_count = GF_COUNT(gf_server_modules);
