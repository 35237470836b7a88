# order-tools: build, try and check. "make help" lists the targets.

PROGRAMS := $(patsubst src/%.c,%,$(wildcard src/*.c))
PACKAGES := librabbitmq libcjson uuid sqlite3

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=

# Objects, out of the way of what is edited.
BUILD := .build
# Lines for the compiler and the linter that a user may add to, with CFLAGS= and LDFLAGS=.
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wundef
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2
CPPFLAGS_ALL := -std=c11 -D_POSIX_C_SOURCE=200809L -Ilib $(CPPFLAGS)
# Asked for only when something is compiled: on a fresh machine "make deps" has to come first.
CFLAGS_ALL = $(CPPFLAGS_ALL) $(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(WARNINGS) $(HARDENING) $(CFLAGS)
LIBS_ALL = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

LIB_OBJECTS := $(patsubst lib/%.c,$(BUILD)/lib/%.o,$(wildcard lib/*.c))
BINARIES := $(addprefix bin/,$(PROGRAMS))

.PHONY: all build help clean
.DELETE_ON_ERROR:
.SECONDARY:

all: build

build: $(BINARIES)

bin/%: $(BUILD)/src/%.o $(BUILD)/liborder.a
	@mkdir -p bin
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(BUILD)/liborder.a: $(LIB_OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*/*.d)

clean:
	rm -rf $(BUILD) bin
