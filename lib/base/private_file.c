#include "base/private_file.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* An access list as Linux keeps it: a version, and entries, all little-endian. */
#define LIST_NAME "system.posix_acl_access"
#define LIST_VERSION 2
#define LIST_MAX 1024
#define TAG_OWNER 0x01
#define TAG_USER 0x02
#define TAG_MASK 0x10

/* Bytes of the version; of an entry, and where in it the rights and the id stand. */
#define VERSION_SIZE 4
#define ENTRY_SIZE 8
#define RIGHTS_AT 2
#define ID_AT 4

static uint32_t number_at(const unsigned char *bytes, size_t size)
{
    uint32_t number = 0;

    while (size-- > 0)
        number = number << 8 | bytes[size];
    return number;
}

static bool is_harmless(const unsigned char *entry)
{
    uint32_t tag = number_at(entry, RIGHTS_AT);

    /* The mask only limits the others. */
    return number_at(entry + RIGHTS_AT, ID_AT - RIGHTS_AT) == 0 || tag == TAG_OWNER ||
           tag == TAG_MASK ||
           (tag == TAG_USER && number_at(entry + ID_AT, ENTRY_SIZE - ID_AT) == geteuid());
}

static bool list_is_private(const unsigned char *list, size_t len)
{
    if (len < VERSION_SIZE || number_at(list, VERSION_SIZE) != LIST_VERSION ||
        (len - VERSION_SIZE) % ENTRY_SIZE != 0)
        return false;
    for (size_t at = VERSION_SIZE; at < len; at += ENTRY_SIZE)
        if (!is_harmless(list + at))
            return false;
    return true;
}

bool file_is_private(int descriptor, bool *is_private)
{
    unsigned char list[LIST_MAX];
    struct stat info;
    ssize_t len;

    if (fstat(descriptor, &info) != 0)
        return false;
    *is_private = (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    if (*is_private || (info.st_mode & S_IRWXO) != 0)
        return true;
    /* With a list, the bits of the group are its mask. */
    len = fgetxattr(descriptor, LIST_NAME, list, sizeof list);
    *is_private = len > 0 && list_is_private(list, (size_t)len);
    return true;
}
