#include "order-http/token.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/unit-token-XXXXXX";

/* Loads the tokens of a file with this text and mode. */
static enum exit_code load(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    token_forget();
    if (!CHECK(file != NULL))
        return EXIT_BUG;
    (void)fputs(text, file);
    (void)fclose(file);
    (void)chmod(path, mode);
    return token_load(path);
}

static void lets_everybody_in_without_tokens(void)
{
    CHECK(token_allows(NULL));
    CHECK(token_allows("Bearer anything"));
}

static void lets_in_who_has_a_token(void)
{
    static const char *const texts[] = {"0123456789abcdef\nAZaz09-._~+/===\n",
                                        "AZaz09-._~+/===x\n0123456789abcdef"};

    EQUAL(load(texts[1], 0600), EXIT_OK);
    CHECK(token_allows("Bearer 0123456789abcdef"));
    CHECK(token_allows("bearer   AZaz09-._~+/===x"));
    EQUAL(load(texts[0], 0400), EXIT_LOGIN);
    (void)unit_captured(2);
}

static void lets_nobody_else_in(void)
{
    static const char *const fields[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdeg",
        "Bearer 0123456789abcdef0",
        "Bearer 1123456789abcdef",
        "Bearer 0123456789ABCDEF",
        "Bearer 0123456789abcdef ",
        "Bearer 0123456789abcdef, 0123456789abcdef",
        "Basic 0123456789abcdef",
        "0123456789abcdef",
        "Bearer0123456789abcdef",
    };
    char endless[2048] = "Bearer ";

    EQUAL(load("0123456789abcdef\n", 0600), EXIT_OK);
    CHECK(!token_allows(NULL));
    for (size_t i = 0; i < COUNT(fields); i++) {
        unit_row(fields[i]);
        CHECK(!token_allows(fields[i]));
    }
    unit_row(NULL);
    memset(endless + strlen(endless), 'a', sizeof endless - strlen(endless) - 1);
    CHECK(!token_allows(endless));
}

static void refuses_files_that_hold_no_tokens(void)
{
    static const char *const texts[] = {
        "", "\n", "short\n", "0123456789abcdef\n\n", "0123456789 abcdef\n", "0123456789abcdef\r\n",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        EQUAL(load(texts[i], 0600), EXIT_LOGIN);
        CHECK(strstr(unit_captured(2), "does not hold tokens of 16 to 512 characters") != NULL);
    }
    unit_row(NULL);
}

static void refuses_a_file_that_others_can_read(void)
{
    EQUAL(load("0123456789abcdef\n", 0640), EXIT_LOGIN);
    CHECK(strstr(unit_captured(2), "chmod 600") != NULL);
    token_forget();
    EQUAL(token_load("/nowhere/tokens"), EXIT_LOGIN);
    SAME(unit_captured(2),
         "order-tools: cannot open '/nowhere/tokens': No such file or directory\n");
}

static void refuses_what_is_no_file_of_tokens(void)
{
    static char text[16385];

    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i % 32 == 31 ? '\n' : 'a';
    EQUAL(load(text, 0600), EXIT_LOGIN);
    CHECK(strstr(unit_captured(2), "' has 16384 bytes or more\n") != NULL);
    text[sizeof text - 2] = '\0';
    EQUAL(load(text, 0600), EXIT_OK);
    token_forget();
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    EQUAL(token_load(path), EXIT_LOGIN);
    CHECK(strstr(unit_captured(2), "': Is a directory\n") != NULL);
    CHECK(rmdir(path) == 0);
}

int main(void)
{
    int fd = mkstemp(path);

    unit_capture(2);
    (void)close(fd);
    RUN(lets_everybody_in_without_tokens);
    RUN(lets_in_who_has_a_token);
    RUN(lets_nobody_else_in);
    RUN(refuses_files_that_hold_no_tokens);
    RUN(refuses_a_file_that_others_can_read);
    RUN(refuses_what_is_no_file_of_tokens);
    token_forget();
    return unit_end();
}
