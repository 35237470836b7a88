/*
 * Runs a fuzz target over files: what fuzzing has found stays found. Without libFuzzer, so that any
 * compiler does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    static uint8_t data[1 << 21];

    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        size_t size;

        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        size = fread(data, 1, sizeof data, file);
        (void)fclose(file);
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    printf("%d\n", argc - 1);
    return 0;
}
