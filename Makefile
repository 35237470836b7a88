# order-tools: build, try and check. "make help" lists the targets.

.DEFAULT_GOAL := build

PROGRAMS := $(patsubst src/%/main.c,%,$(wildcard src/*/main.c))
PACKAGES := librabbitmq libcjson libcurl libmicrohttpd uuid sqlite3 libcrypto
# Whose headers alone are needed: these are loaded at run time, if at all.
LOADED := libpq

CC ?= cc
PKG_CONFIG ?= pkg-config

# Where make install puts what: the variables of the GNU coding standards. Change them, or PREFIX for all.
PREFIX ?= /usr/local
DESTDIR ?=
prefix = $(PREFIX)
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
libdir = $(exec_prefix)/lib
libexecdir = $(exec_prefix)/libexec
datarootdir = $(prefix)/share
datadir = $(datarootdir)
mandir = $(datarootdir)/man
docdir = $(datarootdir)/doc/order-tools
sysconfdir = $(prefix)/etc
localstatedir = $(prefix)/var
# The same for what they do not name.
pkgdatadir = $(datadir)/order-tools
examplesdir = $(docdir)/examples
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
systemdsystemunitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
INSTALL = install
INSTALL_PROGRAM = $(INSTALL)
INSTALL_DATA = $(INSTALL) -m 644

# Objects, out of the way of what is edited.
BUILD := .build
BIN := bin
# Programs that this machine can run, which completions are made from. When compiling for another machine: a folder with the same
# programs for this one, or nothing, to leave out the completions.
BIN_FOR_BUILD ?= $(BIN)
# Lines for the compiler and the linter that a user may add to, with CFLAGS= and LDFLAGS=.
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wundef
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2
# make check SANITIZE=1: the programs watch themselves for wrong memory accesses, leaks and undefined behaviour.
ifdef SANITIZE
HARDENING := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
# 64 bits for the size of a file, and for a place in it, on every machine.
CPPFLAGS_ALL := -std=c11 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -Ilib $(CPPFLAGS)
# Asked for only when something is compiled: on a fresh machine "make deps" has to come first.
CFLAGS_ALL = $(CPPFLAGS_ALL) $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(LOADED)) $(WARNINGS) $(HARDENING) $(CFLAGS)
# Each program loads the libraries that it uses, and no others. Those that librabbitmq itself loads come first: their
# own symbols, thousands at each start of a program, are looked up in this order.
LIBS_ALL = -Wl,--no-as-needed $(shell $(PKG_CONFIG) --libs libssl libcrypto) \
           -Wl,--as-needed $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -ldl

LIB_OBJECTS := $(patsubst lib/%.c,$(BUILD)/lib/%.o,$(wildcard lib/*/*.c)) \
               $(patsubst lib/%.sql,$(BUILD)/lib/%.sql.o,$(wildcard lib/*/*.sql))
# What makes the tables of a domain in PostgreSQL: DOMAIN.sql its version 1, DOMAIN_2.sql version 2 of that, and so on.
TABLES := $(sort $(filter-out lib/postgres/schema.sql,$(wildcard lib/postgres/*.sql)))
# The objects of a program: its main.c, and what it alone needs: code, and JSON that becomes an array.
objects_of = $(patsubst %,$(BUILD)/%.o,$(basename $(wildcard src/$(1)/*.c)) $(wildcard src/$(1)/*.json))
# The same without its main.c; none if there is no such program.
rooms_of = $(filter-out %/main.o,$(call objects_of,$(1)))
BINARIES := $(addprefix $(BIN)/,$(PROGRAMS))
# By their final names: NAME for bash, _NAME for zsh, NAME.fish.
COMPLETED := $(if $(BIN_FOR_BUILD),$(PROGRAMS))
COMPLETIONS := $(COMPLETED:%=$(BUILD)/completions/bash/%) $(COMPLETED:%=$(BUILD)/completions/zsh/_%) \
               $(COMPLETED:%=$(BUILD)/completions/fish/%.fish)
# What the programs are measured against, and with.
BENCH := $(addprefix $(BUILD)/tests/bench/,limit measure answer turns)
# A test program for each file of tests/unit/FOLDER.
UNIT := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/*.c))
# What the tests run beside the programs, and what they preload.
SUPPORT := $(addprefix $(BUILD)/tests/support/,lend room wire decide ahead.so alone.so die.so)
# Programs that read the fuzzers' corpus, and watch themselves for faults.
FUZZ_TARGETS ?= envelope http json message order trace urls
FUZZERS := $(addprefix $(BUILD)/fuzz/,$(FUZZ_TARGETS))
FUZZ_REPLAY := $(addprefix $(BUILD)/tests/fuzz/,$(FUZZ_TARGETS))

SCRIPTS := scripts/broker scripts/cluster scripts/deps scripts/workflow scripts/drill scripts/demo scripts/postgres \
           scripts/matrix scripts/layers scripts/deb scripts/completions/generate $(wildcard scripts/debian/order-tools.post*) \
           $(addprefix scripts/debian/tests/,guide postgresql running upgrade) $(wildcard scripts/*.bash scripts/*/*.bash) \
           tests/bench/cost tests/stories/storm $(wildcard tests/stories/storm-*.bash) \
           tests/model/check
SOURCES := $(wildcard src/*/*.[ch] lib/*/*.[ch] tests/*/*.[ch] tests/unit/*/*.c)
# The suite, or the files of it that are asked for: make check TESTS=tests/programs/order-place.bats.
# Most tests wait most of the time, so that six files run at once: JOBS=1 for one after the other. Those that take
# longest come first, so that no job works alone at the end.
LONGEST := stories/cluster programs/postgres-ledger programs/postgres programs/quorum \
           programs/postgres-notified stories/memory stories/descriptors stories/told-once stories/http-hostile \
           programs/repair stories/replay-doubt programs/inventory-worker stories/drill stories/crash stories/hostile \
           programs/order-http programs/notify-worker programs/dlq-replay stories/outage programs/order-place \
           stories/files programs/completions programs/deb programs/dead-letters stories/model stories/http-outage programs/broker programs/bench \
           stories/examples programs/order-tools-migrate programs/management programs/round-trip stories/storm \
           programs/json programs/queue-inspect programs/look stories/http-siege stories/http-crash stories/outbox \
           programs/watch stories/progress
LONGEST := $(LONGEST:%=tests/%.bats)
ALL_TESTS := $(LONGEST) $(filter-out $(LONGEST),$(wildcard tests/*/*.bats))
# Where store and ledgers are kept: with STORE=postgresql there. These are the files for which that matters most, and which do not repeat
# what is in programs/postgres*.bats.
STORE ?= sqlite
STORE_TESTS := programs/inventory-ends programs/inventory-stock programs/notify-worker programs/order-cancel programs/order-http-read programs/order-place programs/order-show \
               stories/crash stories/http-crash stories/outbox stories/told-once
STORE_TESTS := $(filter $(STORE_TESTS:%=tests/%.bats),$(ALL_TESTS))
TESTS ?= $(ALL_TESTS)
JOBS ?= 6
BATS := bats -r $(if $(filter-out 1,$(JOBS)),--jobs $(JOBS) --no-parallelize-within-files)

# What shellcheck cannot know of a test: run sets variables, helpers read them, arguments are optional.
BATS_KNOWS := SC2154,SC2034,SC2120,SC2238

.PHONY: all build help deps demo check check-store unit unit-programs coverage compilers matrix deb model storm bench bench-programs support fuzz \
        fuzz-replay lint format install install-strip uninstall clean force
.DELETE_ON_ERROR:
.SECONDARY:

all: build

# And what is made for make install, which as another user makes nothing here if nothing has changed.
build: $(BINARIES) $(COMPLETIONS) $(BUILD)/postgresql.sql

help:
	@echo 'make            build the programs into bin/'
	@echo 'make demo       install what is missing, build, and see the workflow on a private broker'
	@echo 'make check      the same preparation, then every test: STORE=postgresql keeps the data there'
	@echo 'make unit       the unit tests alone, without a broker'
	@echo 'make coverage   which lines and branches unit tests and suite pass through: TESTS=tests/unit'
	@echo 'make model      search the model of the crash tables, in tests/model, whole'
	@echo 'make lint       compiler warnings as errors, and all that checks the text of the code'
	@echo 'make compilers  build with gcc and clang, warnings as errors, and with more of the library checked'
	@echo 'make matrix     demo, lint, check and packages on bare Debian systems, as root: SUITES="bookworm trixie" STEP=package'
	@echo 'make deb        Debian packages of what is committed, checked by lintian, into .build/deb/'
	@echo 'make storm      kill everything at random moments, and check the books: ROUNDS=200 SEED=N CLUSTER=1'
	@echo 'make bench      measure the programs beside a bare loop and others: QUICK=1 or LONG=1'
	@echo 'make fuzz       fuzz the parsers: SECONDS=60 for each'
	@echo 'make format     lay out the C code as .clang-format says'
	@echo 'make install    programs, man pages, completions and more, under PREFIX ($(PREFIX)) and DESTDIR;'
	@echo '                install-strip without symbols for debuggers, uninstall to take it away again'
	@echo 'make clean      remove what was built'

deps:
	@scripts/deps

# A make of its own, since what the compiler needs may have been installed just now.
demo: deps
	@$(MAKE) -s --no-print-directory build
	@scripts/demo

check: deps
	@$(MAKE) -s --no-print-directory build bench-programs unit-programs support fuzz-replay
	SUITE_STORE=$(STORE) $(BATS) $(TESTS)

# The part of the suite for which it matters most where store and ledgers are: make check-store STORE=postgresql
check-store:
	@$(MAKE) -s --no-print-directory check TESTS='$(STORE_TESTS)'

unit: unit-programs
	@set -e; for program in $(UNIT); do $$program; done

# In a copy of the tree, built with counters, so that bin/ stays as it is. What is killed by SIGKILL leaves no counts, so that the tests
# end by SIGTERM what they leave running. A test that fails does not keep the rest from being counted.
COVERAGE := $(BUILD)/coverage
COUNTED := -O0 -g --coverage -fprofile-update=prefer-atomic
coverage: deps
	@scripts/deps coverage
	rm -rf $(COVERAGE)
	mkdir -p $(COVERAGE)/report
	cp -Rp $(filter-out bin,$(wildcard *)) $(COVERAGE)
	$(MAKE) -s --no-print-directory -C $(COVERAGE) BUILD=.build CFLAGS='$(COUNTED)' HARDENING= LDFLAGS= .build/tests/support/coverage.o
	$(MAKE) -s --no-print-directory -C $(COVERAGE) BUILD=.build BIN=bin CFLAGS='$(COUNTED)' HARDENING= \
	    LDFLAGS='--coverage -Wl,--wrap=raise .build/tests/support/coverage.o' build bench-programs unit-programs support fuzz-replay
	-cd $(COVERAGE) && COUNT_ALL=yes $(BATS) $(TESTS)
	cd $(COVERAGE) && gcovr --filter lib/ --filter src/ --html-details report/index.html --print-summary
	@echo '$(COVERAGE)/report/index.html shows the lines'

# In a folder of its own, unless warnings are errors anyway: with CFLAGS='-O2 -g -Werror' what make check needs is compiled once.
STRICT = $(if $(filter -Werror,$(CFLAGS)),,BUILD=$(BUILD)/lint BIN=$(BUILD)/lint/bin CFLAGS='$(CFLAGS) -Werror')
lint:
	@scripts/deps lint
	@$(MAKE) --no-print-directory $(STRICT) build bench-programs unit-programs support
	scripts/layers
	clang-format --dry-run --Werror $(SOURCES)
	@! grep -nE -d skip '.{101,}' $(SOURCES) $(filter-out %.conf %.json %.yml %.service,$(wildcard scripts/* scripts/*/*)) || { echo 'lines of more than 100 characters' >&2; false; }
	shellcheck $(SCRIPTS) .ci/run tests/support/*.bash tests/setup_suite.bash
	printf '%s\n' tests/*/*.bats | xargs -n 6 -P "$$(nproc)" shellcheck -s bats -S warning -e $(BATS_KNOWS)
	mandoc -Tlint -W warning man/*
	cppcheck --quiet -j "$$(nproc)" --std=c11 --error-exitcode=1 --inline-suppr --suppress=missingIncludeSystem \
	    --suppress=normalCheckLevelMaxBranches \
	    --enable=warning,performance,portability -Ilib src lib

# Both compilers, with the checks of the C library that distributions begin to ask for.
compilers:
	@scripts/deps fuzz
	set -e; for compiler in gcc clang; do \
	    $(MAKE) --no-print-directory CC=$$compiler BUILD=$(BUILD)/$$compiler BIN=$(BUILD)/$$compiler/bin \
	        HARDENING='-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3' CFLAGS='$(CFLAGS) -Werror' \
	        build bench-programs unit-programs; \
	done

# The README's two commands, the linter, the compilers and the packages, on whole systems made for it:
# make matrix SUITES="trixie bookworm:i386", or with one of these alone: STEP=package
SUITES ?= bookworm trixie
matrix:
	scripts/matrix $(if $(STEP),-o $(STEP)) $(SUITES)

# What is committed, as packages for Debian.
deb:
	@scripts/deps package
	scripts/deb -l

# Each parser of what comes from outside, under a coverage-guided fuzzer: make fuzz SECONDS=60
SECONDS ?= 60
fuzz:
	@scripts/deps fuzz
	@$(MAKE) -s --no-print-directory $(FUZZERS)
	set -e; for target in $(FUZZ_TARGETS); do \
	    mkdir -p $(BUILD)/fuzz/$$target.corpus; \
	    $(BUILD)/fuzz/$$target -max_total_time=$(SECONDS) -print_final_stats=1 -close_fd_mask=2 \
	        -artifact_prefix=$(BUILD)/fuzz/$$target- $(BUILD)/fuzz/$$target.corpus tests/fuzz/corpus/$$target; \
	done

$(FUZZERS): $(BUILD)/fuzz/%: tests/fuzz/%.c $(wildcard lib/*/*.[ch]) $(patsubst %.sql,$(BUILD)/%.sql.c,$(wildcard lib/*/*.sql))
	@mkdir -p $(@D)
	clang $(CPPFLAGS_ALL) -Isrc $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(LOADED)) -g -O1 \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ \
	    $(filter %.c,$^) $(shell $(PKG_CONFIG) --libs $(PACKAGES))

# A fuzzer that has all of a program but its main.c.
$(BUILD)/fuzz/http: $(filter-out %/main.c,$(wildcard src/order-http/*.[ch])) $(BUILD)/src/order-http/openapi.json.c

# The same on what fuzzing starts from, and on what it has found: under the sanitizers of the C compiler. With -O1, which takes less time
# to compile than it costs.
fuzz-replay:
	@$(MAKE) --no-print-directory SANITIZE=1 CFLAGS='$(CFLAGS) -O1' BUILD=$(BUILD)/sanitized fuzz-replay-programs

.PHONY: fuzz-replay-programs
fuzz-replay-programs: $(FUZZ_REPLAY)

# The protocol as a model, searched whole: what holds at every kill, and which mechanisms that takes.
model: deps
	tests/model/check

# Kills at random moments, and the books afterwards: make storm ROUNDS=200, and SEED=N for the kills of an earlier one;
# CLUSTER=1 on a cluster, which fails in more ways.
ROUNDS ?= 200
storm: deps
	@$(MAKE) -s --no-print-directory build
	tests/stories/storm $(if $(CLUSTER),--cluster) --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

# The programs beside their limit and beside others: make bench QUICK=1, and with a patience of an hour LONG=1
bench:
	@scripts/deps bench
	@$(MAKE) -s --no-print-directory build bench-programs
	tests/bench/bench $(if $(QUICK),--quick) $(if $(LONG),--long)

bench-programs: $(BENCH)

unit-programs: $(UNIT)

support: $(SUPPORT)

format:
	clang-format -i $(SOURCES)

# ---- installing

# What each folder gets, as it is.
IN_bindir := $(BINARIES)
IN_man1dir := $(wildcard man/*.1)
IN_man7dir := $(wildcard man/*.7)
IN_pkgdatadir := $(BUILD)/postgresql.sql
IN_bashcompletiondir := $(filter $(BUILD)/completions/bash/%,$(COMPLETIONS))
IN_zshcompletiondir := $(filter $(BUILD)/completions/zsh/%,$(COMPLETIONS))
IN_fishcompletiondir := $(filter $(BUILD)/completions/fish/%,$(COMPLETIONS))
IN_docdir := README.md LICENSE
IN_examplesdir := scripts/nginx.conf scripts/prometheus/rules.yml scripts/grafana/order-tools.json \
                  tests/data/order.json tests/data/orders-30.jsonl
# And with the names of folders, such as @bindir@, replaced.
SYSTEMD := scripts/systemd
UNITS_IN_systemdsystemunitdir := $(wildcard $(addprefix $(SYSTEMD)/*.,service socket timer path target))
UNITS_IN_sysusersdir := $(wildcard $(SYSTEMD)/*.sysusers.conf)
UNITS_IN_tmpfilesdir := $(wildcard $(SYSTEMD)/*.tmpfiles.conf)

man1dir = $(mandir)/man1
man7dir = $(mandir)/man7
NAMED := prefix exec_prefix bindir libdir libexecdir datadir pkgdatadir docdir examplesdir sysconfdir localstatedir
DATA := man1dir man7dir pkgdatadir bashcompletiondir zshcompletiondir fishcompletiondir docdir examplesdir
UNITS := systemdsystemunitdir sysusersdir tmpfilesdir
# Those that belong to order-tools alone, the inner ones first.
OWN := examplesdir docdir pkgdatadir

# $(call shell_word,TEXT): as one word for the shell. $(call folder_of,VARIABLE): the same for a folder below DESTDIR.
shell_word = '$(subst ','\'',$(1))'
folder_of = $(call shell_word,$(DESTDIR)$($(1)))
# x.sysusers.conf is installed as x.conf.
unit_name = $(notdir $(patsubst %.sysusers.conf,%.conf,$(patsubst %.tmpfiles.conf,%.conf,$(1))))
# sed: what is special in a replacement is quoted.
unit_words := $(foreach name,$(NAMED),-e "s|@$(name)@|$$(printf '%s' $$$(name) | sed 's/[&|\\]/\\&/g')|g")

# Each is a command of a recipe, or several.
define install_data
$(if $(IN_$(1)),$(INSTALL) -d $(call folder_of,$(1)))
$(if $(IN_$(1)),$(INSTALL_DATA) $(IN_$(1)) $(call folder_of,$(1)))

endef

define install_unit
$(INSTALL) -d $(call folder_of,$(1))
@unit=$$(mktemp) && $(foreach name,$(NAMED),$(name)=$(call shell_word,$($(name)))) && \
    sed $(unit_words) $(2) >"$$unit" && \
    $(INSTALL_DATA) "$$unit" $(call folder_of,$(1))/$(call unit_name,$(2)) && rm -f "$$unit"

endef

define remove
$(if $(2),test ! -d $(call folder_of,$(1)) || { cd $(call folder_of,$(1)) && rm -f $(2); })

endef

install: build
	$(INSTALL) -d $(call folder_of,bindir)
	$(INSTALL_PROGRAM) $(IN_bindir) $(call folder_of,bindir)
	$(foreach folder,$(DATA),$(call install_data,$(folder)))
	$(foreach folder,$(UNITS),$(foreach unit,$(UNITS_IN_$(folder)),$(call install_unit,$(folder),$(unit))))

install-strip:
	$(MAKE) INSTALL_PROGRAM=$(call shell_word,$(INSTALL_PROGRAM) -s) install

# Takes away what this version installs, and the folders that then are empty and nobody else's.
uninstall:
	$(foreach folder,bindir $(DATA),$(call remove,$(folder),$(notdir $(IN_$(folder)))))
	$(foreach folder,$(UNITS),$(call remove,$(folder),$(call unit_name,$(UNITS_IN_$(folder)))))
	$(foreach folder,$(OWN),test ! -d $(call folder_of,$(folder)) || rmdir --ignore-fail-on-non-empty $(call folder_of,$(folder));)

# A pattern for all three, so that one run makes them.
$(BUILD)/completions/bash/% $(BUILD)/completions/zsh/_% $(BUILD)/completions/fish/%.fish: $(BIN_FOR_BUILD)/% \
    scripts/completions/generate scripts/completions/common.bash scripts/completions/common.zsh scripts/completions/common.fish
	@mkdir -p $(addprefix $(BUILD)/completions/,bash zsh fish)
	scripts/completions/generate $< bash >$(BUILD)/completions/bash/$*
	scripts/completions/generate $< zsh >$(BUILD)/completions/zsh/_$*
	scripts/completions/generate $< fish >$(BUILD)/completions/fish/$*.fish

.SECONDEXPANSION:
$(BIN)/%: $$(call objects_of,$$*) $(BUILD)/liborder.a
	@mkdir -p $(BIN)
	$(CC) $(CFLAGS) $(HARDENING) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(BUILD)/liborder.a: $(LIB_OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^

# Changes when the flags do, so that nothing built with others is left. What is there already is installed as it is, unless flags are given
# again: sudo make install after make CFLAGS=-O3.
FLAGS := $(CC) $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(CFLAGS) $(LDFLAGS)
ORIGINS := $(foreach name,CC CPPFLAGS WARNINGS HARDENING SANITIZE CFLAGS LDFLAGS,$(origin $(name)))
COMPARES := $(filter command environment,$(ORIGINS))$(filter-out install install-strip support,$(or $(MAKECMDGOALS),build))
$(BUILD)/flags: $(if $(COMPARES),$(if $(subst x$(FLAGS),,x$(file <$(BUILD)/flags)),force))
	@mkdir -p $(@D)
	@echo $(call shell_word,$(FLAGS)) >$@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# NAME.json as the array NAME_json, with the version of the programs in place of its own.
VERSION = $(shell sed -n 's/.*ORDER_TOOLS_VERSION "\(.*\)"/\1/p' lib/base/version.h)
$(BUILD)/%.json.c: %.json lib/base/version.h
	@mkdir -p $(@D)
	{ echo '#include <stddef.h>' && echo 'const unsigned char $(*F)_json[] = {' && \
	    sed 's/"version": "[^"]*"/"version": "$(VERSION)"/' $< | od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g' && \
	    echo '};' && echo 'const size_t $(*F)_json_len = sizeof $(*F)_json;'; } >$@

$(BUILD)/%.json.o: $(BUILD)/%.json.c $(BUILD)/flags
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

# All tables, for those who may not let the programs make them: each script runs if the version before it is there.
$(BUILD)/postgresql.sql: lib/postgres/schema.sql $(TABLES)
	{ cat lib/postgres/schema.sql; for script in $(basename $(notdir $(TABLES))); do \
	    domain=$${script%%_*}; version=$${script#$$domain}; version=$${version#_}; \
	    printf '\nDO $$order_tools$$ BEGIN\n'; \
	    printf "IF coalesce((SELECT version FROM order_tools.version WHERE domain = '%s'), 0) = %d THEN\n\n" \
	        "$$domain" "$$(($${version:-1} - 1))"; \
	    cat lib/postgres/$$script.sql; \
	    printf '\nEND IF;\nEND $$order_tools$$;\n'; \
	done; } >$@

# NAME.sql as the text NAME_sql.
$(BUILD)/%.sql.c: %.sql
	@mkdir -p $(@D)
	{ echo 'const char $(*F)_sql[] = {' && od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' && echo '0};'; } >$@

$(BUILD)/%.sql.o: $(BUILD)/%.sql.c $(BUILD)/flags
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BENCH): %: %.o
	$(CC) $(CFLAGS) $(HARDENING) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(filter-out %.so,$(SUPPORT)): %: %.o $(BUILD)/liborder.a
	$(CC) $(CFLAGS) $(HARDENING) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(filter %.so,$(SUPPORT)): $(BUILD)/%.so: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(WARNINGS) $(CFLAGS) -shared -fPIC -o $@ $< -ldl

$(BUILD)/tests/fuzz/%.o: CPPFLAGS_ALL += -Isrc
# The target http has all of order-http but its main.c; there are no programs order-json, order-urls...
$(FUZZ_REPLAY): %: %.o $(BUILD)/tests/fuzz/replay.o $$(call rooms_of,order-$$(notdir $$@)) $(BUILD)/liborder.a
	$(CC) $(CFLAGS) $(HARDENING) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(BUILD)/tests/unit/%.o: CPPFLAGS_ALL += -Isrc -Itests/unit
$(UNIT): %: %.o $(BUILD)/tests/unit/unit.o $$(call rooms_of,$$(notdir $$(@D))) $(BUILD)/liborder.a
	$(CC) $(CFLAGS) $(HARDENING) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

-include $(wildcard $(addprefix $(BUILD)/,lib/*/*.d src/*/*.d tests/*/*.d tests/unit/*/*.d))

clean:
	rm -rf $(BUILD) $(BIN)
