#include "input.h"

#include "base/output.h"

#include <inttypes.h>
#include <unistd.h>

static void refuse(const struct input *input, const struct id_piece *piece)
{
    report("input %" PRIu64 " (line %" PRIu64 "): %s", piece->number, piece->line, piece->refusal);
    *input->some_refused = true;
}

static enum exit_code read_on(const struct input *input, struct id_stream *stream)
{
    enum exit_code code = input->finish(input->context);

    if (code == EXIT_OK)
        code = output_flush();
    if (code == EXIT_OK && !id_stream_read_on(stream))
        *input->some_refused = true;
    return code;
}

enum exit_code input_take(const struct input *input)
{
    struct id_stream *stream = id_stream_new(STDIN_FILENO, input->kind);
    struct id_piece piece;
    enum exit_code code = EXIT_OK;
    bool ended = false;

    while (code == EXIT_OK && !ended) {
        switch (id_stream_next(stream, &piece)) {
        case ID_STREAM_ID:
            code = input->take(input->context, piece.id);
            break;
        case ID_STREAM_REFUSED:
            refuse(input, &piece);
            break;
        case ID_STREAM_EMPTY:
            code = read_on(input, stream);
            break;
        case ID_STREAM_END:
            code = input->finish(input->context);
            ended = true;
            break;
        }
    }
    id_stream_free(stream);
    return code;
}
