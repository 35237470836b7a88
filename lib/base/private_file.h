/* private_file: whether a file that holds a secret is for this user's eyes only. */
#ifndef BASE_PRIVATE_FILE_H
#define BASE_PRIVATE_FILE_H

#include <stdbool.h>

/*
 * Sets *is_private to whether nobody but its owner, root and this user may do anything with an open
 * file. The bits of the group, or an access list (POSIX.1e), may not let in others: systemd lets a
 * service read a credential of root's by such a list. Returns false, with errno set, if that cannot
 * be found out.
 */
bool file_is_private(int descriptor, bool *is_private);

#endif
