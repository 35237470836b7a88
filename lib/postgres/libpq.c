#include "postgres/libpq.h"

#include "base/report.h"
#include "base/text.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libpq.so.5"

struct libpq libpq;

struct symbol {
    const char *name;
    size_t offset;
};

static const struct symbol symbols[] = {
#define SYMBOL(name) {#name, offsetof(struct libpq, name)},
    LIBPQ_FUNCTIONS(SYMBOL)
#undef SYMBOL
};

/* ISO C has no conversion from the pointer of dlsym() to that of a function: its bytes are
 * copied. */
static bool find_symbols(void *library)
{
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = dlsym(library, symbols[i].name);

        if (address == NULL)
            return false;
        memcpy((char *)&libpq + symbols[i].offset, &address, sizeof address);
    }
    return true;
}

bool libpq_load(void)
{
    static bool is_loaded;
    void *library;

    if (is_loaded)
        return true;
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    is_loaded = library != NULL && find_symbols(library);
    if (!is_loaded)
        report("PostgreSQL needs version 14 or later of " LIBRARY " (Debian: apt install libpq5): "
               "%s",
               printable_text(dlerror()));
    return is_loaded;
}
