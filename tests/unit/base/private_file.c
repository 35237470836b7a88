#include "base/private_file.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char path[] = "/tmp/order-tools-unit.XXXXXX";
static int fd;

static bool is_private(void)
{
    bool answer = false;

    CHECK(file_is_private(fd, &answer));
    return answer;
}

static void heeds_the_mode(void)
{
    static const struct {
        mode_t mode;
        bool is_private;
    } cases[] = {{0600, true},  {0400, true},  {0700, true},  {0000, true}, {0640, false},
                 {0604, false}, {0620, false}, {0601, false}, {0440, false}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(fchmod(fd, cases[i].mode) == 0);
        EQUAL(is_private(), cases[i].is_private);
    }
    (void)fchmod(fd, 0600);
}

struct entry {
    unsigned tag;
    unsigned rights;
    unsigned id;
};

static void put(unsigned char *at, unsigned number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(number >> 8 * i);
}

/* Returns whether the file got the access list: not all file systems have them. */
static bool set_list(const struct entry *entries, size_t count)
{
    unsigned char list[4 + 8 * 8];

    put(list, 2, 4);
    for (size_t i = 0; i < count; i++) {
        put(list + 4 + 8 * i, entries[i].tag, 2);
        put(list + 6 + 8 * i, entries[i].rights, 2);
        put(list + 8 + 8 * i, entries[i].id, 4);
    }
    return fsetxattr(fd, "system.posix_acl_access", list, 4 + 8 * count, 0) == 0;
}

#define NOBODY 0xffffffffU
#define OWNER           \
    {                   \
        0x01, 4, NOBODY \
    }
#define GROUP(rights)        \
    {                        \
        0x04, rights, NOBODY \
    }
#define MASK            \
    {                   \
        0x10, 4, NOBODY \
    }
#define OTHERS          \
    {                   \
        0x20, 0, NOBODY \
    }

static void heeds_the_list(void)
{
    const unsigned me = geteuid();
    const struct entry mine[] = {OWNER, {0x02, 4, me}, GROUP(0), MASK, OTHERS};
    const struct entry anothers[] = {OWNER, {0x02, 4, me + 1}, GROUP(0), MASK, OTHERS};
    const struct entry both[] = {OWNER, {0x02, 4, me}, {0x02, 4, me + 1}, GROUP(0), MASK, OTHERS};
    const struct entry none[] = {OWNER, {0x02, 0, me + 1}, GROUP(0), MASK, OTHERS};
    const struct entry the_groups[] = {OWNER, {0x02, 4, me}, GROUP(4), MASK, OTHERS};
    const struct entry another_group[] = {OWNER, GROUP(0), {0x08, 4, 4711}, MASK, OTHERS};
    struct stat info;

    /* As systemd makes a credential. */
    CHECK(fchmod(fd, 0400) == 0);
    if (!set_list(mine, COUNT(mine))) {
        EQUAL(errno, ENOTSUP);
        return;
    }
    CHECK(fstat(fd, &info) == 0);
    EQUAL(info.st_mode & 0777, 0440);
    CHECK(is_private());
    CHECK(set_list(anothers, COUNT(anothers)));
    CHECK(!is_private());
    CHECK(set_list(both, COUNT(both)));
    CHECK(!is_private());
    CHECK(set_list(none, COUNT(none)));
    CHECK(is_private());
    CHECK(set_list(the_groups, COUNT(the_groups)));
    CHECK(!is_private());
    CHECK(set_list(another_group, COUNT(another_group)));
    CHECK(!is_private());
}

static void says_that_it_cannot_tell(void)
{
    bool answer;

    CHECK(!file_is_private(-1, &answer));
    EQUAL(errno, EBADF);
}

int main(void)
{
    fd = mkstemp(path);
    RUN(heeds_the_mode);
    RUN(heeds_the_list);
    RUN(says_that_it_cannot_tell);
    (void)unlink(path);
    return unit_end();
}
