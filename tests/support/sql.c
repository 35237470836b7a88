/*
 * sql: runs SQL on a database, for tests that need a file as no program of ours would write it, or
 * any more.
 *
 *   sql FILE STATEMENTS   the columns of each row are printed on a line, with "|" between them
 */
#include <sqlite3.h>
#include <stdio.h>

static int print_row(void *context, int count, char **values, char **names)
{
    (void)context;
    (void)names;
    for (int i = 0; i < count; i++)
        (void)printf("%s%s", i == 0 ? "" : "|", values[i] == NULL ? "" : values[i]);
    (void)printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    sqlite3 *handle = NULL;

    if (argc != 3 || sqlite3_open(argv[1], &handle) != SQLITE_OK ||
        sqlite3_busy_timeout(handle, 5000) != SQLITE_OK ||
        sqlite3_exec(handle, argv[2], print_row, NULL, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "sql: %s\n",
                      handle == NULL ? "usage: sql FILE STATEMENTS" : sqlite3_errmsg(handle));
        return 1;
    }
    return sqlite3_close(handle) == SQLITE_OK ? 0 : 1;
}
