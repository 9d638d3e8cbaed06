/* A planted fault: answers leave as they come back from other cores. In the place of
 * shards/conn.c. */
#define gf_conn_complete conn_complete_honest
#include "shards/conn.c"
#undef gf_conn_complete

void gf_conn_complete(struct gf_conn *conn, struct gf_request *request);

void gf_conn_complete(struct gf_conn *conn, struct gf_request *request)
{
    if (gf_list_peek_front(&conn->requests) != &request->link) {
        gf_list_remove(&request->link);
        gf_list_push_front(&conn->requests, &request->link);
    }
    conn_complete_honest(conn, request);
}
