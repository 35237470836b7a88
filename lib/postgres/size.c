#include "postgres/size.h"

#include "postgres/array.h"

#define SIZE                                                                                   \
    "SELECT sum(pg_total_relation_size(tables.one))::bigint FROM unnest($1::text::regclass[])" \
    " AS tables (one)"

bool size_of_tables(struct session *session, const char *tables, int64_t *bytes)
{
    struct parameter parameter = parameter_text(tables);
    size_t place;

    if (!session_read(session, SIZE, &parameter, 1, &place))
        return false;
    *bytes = result_int(session_result(session, place), 0, 0);
    return true;
}
