#include "token.h"

#include "base/memory.h"
#include "base/private_file.h"
#include "base/text.h"

#include <ctype.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FILE_MAX 16384
#define TOKEN_MIN 16
#define TOKEN_MAX 512
#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

/* Lines, each ended by NUL; without text, everybody is let in. */
struct tokens {
    char *text;
    size_t len;
};

static struct tokens tokens;

static void forget(struct tokens *old)
{
    volatile char *byte = old->text;

    for (size_t i = 0; old->text != NULL && i < FILE_MAX; i++)
        byte[i] = '\0';
    free(old->text);
    *old = (struct tokens){0};
}

static enum exit_code read_file(const char *path, int fd, struct tokens *read_tokens)
{
    bool is_private;
    ssize_t got;

    if (!file_is_private(fd, &is_private)) {
        report_errno("cannot read '%s'", printable_text(path));
        return EXIT_LOGIN;
    }
    if (!is_private) {
        report("'%s' holds tokens and must be its owner's alone: chmod 600 it",
               printable_text(path));
        return EXIT_LOGIN;
    }
    read_tokens->text = xcalloc(1, FILE_MAX + 1);
    got = read(fd, read_tokens->text, FILE_MAX);
    if (got < 0) {
        report_errno("cannot read '%s'", printable_text(path));
        return EXIT_LOGIN;
    }
    if (got == FILE_MAX) {
        report("'%s' has %d bytes or more", printable_text(path), FILE_MAX);
        return EXIT_LOGIN;
    }
    read_tokens->len = (size_t)got;
    return EXIT_OK;
}

static bool is_token(const char *line)
{
    size_t len = strlen(line);

    return len >= TOKEN_MIN && len <= TOKEN_MAX && strspn(line, TOKEN_CHARACTERS) == len;
}

/* Ends the lines by NUL, and checks each. */
static enum exit_code check_lines(const char *path, struct tokens *lines)
{
    char *text = lines->text;
    bool is_good = lines->len > 0 && strlen(text) == lines->len;

    if (is_good && text[lines->len - 1] != '\n')
        lines->len++;
    for (char *end = text; is_good && (end = strchr(end, '\n')) != NULL; end++)
        *end = '\0';
    for (size_t at = 0; is_good && at < lines->len; at += strlen(text + at) + 1)
        is_good = is_token(text + at);
    if (is_good)
        return EXIT_OK;
    report("'%s' does not hold tokens of %d to %d characters, one a line", printable_text(path),
           TOKEN_MIN, TOKEN_MAX);
    return EXIT_LOGIN;
}

enum exit_code token_load(const char *path)
{
    struct tokens loaded = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum exit_code code;

    if (fd < 0) {
        report_errno("cannot open '%s'", printable_text(path));
        return EXIT_LOGIN;
    }
    code = read_file(path, fd, &loaded);
    (void)close(fd);
    if (code == EXIT_OK)
        code = check_lines(path, &loaded);
    if (code != EXIT_OK) {
        forget(&loaded);
        return code;
    }
    forget(&tokens);
    tokens = loaded;
    return EXIT_OK;
}

/* Compares all of token, whatever differs. given has TOKEN_MAX + 1 bytes. */
static bool is_equal(const char *token, const char *given)
{
    size_t len = strlen(token);
    unsigned char differs = 0;

    for (size_t i = 0; i <= len; i++)
        differs |= (unsigned char)(token[i] ^ given[i]);
    return differs == 0;
}

bool token_allows(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    char given[TOKEN_MAX + 1] = "";
    bool is_known = false;

    if (tokens.text == NULL)
        return true;
    if (authorization == NULL || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    authorization += strlen(scheme);
    authorization += strspn(authorization, " ");
    if (strlen(authorization) >= sizeof given)
        return false;
    (void)strcpy(given, authorization);
    for (size_t at = 0; at < tokens.len; at += strlen(tokens.text + at) + 1)
        is_known = is_equal(tokens.text + at, given) || is_known;
    return is_known;
}

void token_forget(void)
{
    forget(&tokens);
}
