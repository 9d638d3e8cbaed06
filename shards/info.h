/* What the files of INFO share: the sections, and how their lines are written.
 *
 *   info_command.c   the command, and the list of sections
 *   info_node.c      server, clients, memory, persistence, replication, cpu, cluster
 *   info_stats.c     stats, commandstats, errorstats, latencystats, keyspace, cores
 *
 * Field names are Redis's where the field is; a field of Redis that would have to be made up is
 * left out.
 */
#pragma once

#include "core/buf.h"
#include "shards/report.h"

/* gf_info_line - one line, its end included. */
void gf_info_line(struct gf_buf *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* gf_info_number - "name:value". */
void gf_info_number(struct gf_buf *text, const char *name, uint64_t value);

/* gf_info_zeros, GF_INFO_ZEROS - "name:0" for each: how often something happened, or how much there
 * is of it, that this build does not have. */
void gf_info_zeros(struct gf_buf *text, const char *const *names, size_t count);

#define GF_INFO_ZEROS(text, ...)                                                                   \
    gf_info_zeros(text, (const char *const[]){__VA_ARGS__},                                        \
                  sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* gf_info_size - "name:bytes" and "name_human:1.50M". */
void gf_info_size(struct gf_buf *text, const char *name, uint64_t size);

/*          section        title            shown by */
#define GF_INFO_SECTIONS(X)                          \
    X(server,       "Server",       DEFAULT)         \
    X(clients,      "Clients",      DEFAULT)         \
    X(memory,       "Memory",       DEFAULT)         \
    X(persistence,  "Persistence",  DEFAULT)         \
    X(stats,        "Stats",        DEFAULT)         \
    X(replication,  "Replication",  DEFAULT)         \
    X(cpu,          "CPU",          DEFAULT)         \
    X(cores,        "Cores",        DEFAULT)         \
    X(modules,      "Modules",      DEFAULT)         \
    X(commandstats, "Commandstats", ALL)             \
    X(errorstats,   "Errorstats",   DEFAULT)         \
    X(latencystats, "Latencystats", ALL)             \
    X(cluster,      "Cluster",      DEFAULT)         \
    X(keyspace,     "Keyspace",     DEFAULT)

/* gf_info_<section> - the lines of a section, without its title. */
#define GF_INFO_DECLARE(section, title, shown) \
    void gf_info_##section(const struct gf_report *report, struct gf_buf *text);
GF_INFO_SECTIONS(GF_INFO_DECLARE)
#undef GF_INFO_DECLARE
