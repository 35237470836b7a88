# make install and uninstall, by the GNU conventions, and what the shells do with the installed completions: see completions.bats.

load ../support/helper

setup()
{
    isolate
    ROOT=$PWD/root
}

# install_into ROOT [ARGUMENTS]: as a packager does.
install_into()
{
    local root=$1
    shift
    make -s --no-print-directory -C "$REPO" install DESTDIR="$root" "$@"
}

# files_in FOLDER: with their modes, sorted.
files_in()
{
    (cd "$1" && find . -type f -printf '%m %P\n' | sort -k 2)
}

programs()
{
    basename -a "$REPO"/src/*
}

# expected_in BINDIR SHARE: what is to be there.
expected_in()
{
    local program page
    {
        for program in $(programs); do
            echo "755 $1/$program"
            echo "644 $2/bash-completion/completions/$program"
            echo "644 $2/zsh/site-functions/_$program"
            echo "644 $2/fish/vendor_completions.d/$program.fish"
        done
        for page in "$REPO"/man/*; do
            echo "644 $2/man/man${page##*.}/$(basename "$page")"
        done
        printf "644 $2/%s\n" order-tools/postgresql.sql doc/order-tools/{LICENSE,README.md,examples/{nginx.conf,order-tools.json,order.json,orders-30.jsonl,rules.yml}}
    } | sort -k 2
}

# without_units: files_in, without those that only some versions have.
without_units()
{
    grep -vE ' [^ ]*lib/(systemd|sysusers\.d|tmpfiles\.d)/'
}

@test "make install: what is installed, and it runs; make uninstall: nothing is left" {
    install_into "$ROOT"
    diff <(expected_in usr/local/bin usr/local/share) <(files_in "$ROOT" | without_units)
    for program in $(programs); do
        run -0 --separate-stderr env -i "$ROOT/usr/local/bin/$program" --version
        [[ $output == "$program (order-tools) "* ]]
    done
    order-place <"$DATA/order.json" >receipt
    run -0 --separate-stderr "$ROOT/usr/local/bin/order-show" "$(jq -r .order_id receipt)"
    [ "$(jq -r .status <<<"$output")" = PLACED ]
    # Somebody else's.
    touch "$ROOT/usr/local/bin/other"
    make -s --no-print-directory -C "$REPO" uninstall DESTDIR="$ROOT"
    run -0 find "$ROOT" -type f -printf '%P\n'
    [ "$output" = usr/local/bin/other ]
    run -0 find "$ROOT" -path '*order-tools*'
    [ "$output" = "" ]
    # Once more is no failure, and neither where nothing was ever installed.
    make -s --no-print-directory -C "$REPO" uninstall DESTDIR="$ROOT"
    make -s --no-print-directory -C "$REPO" uninstall DESTDIR="$ROOT/nowhere"
}

@test "make uninstall keeps files of others in folders of order-tools" {
    install_into "$ROOT" prefix=/usr
    touch "$ROOT/usr/share/doc/order-tools/mine"
    make -s --no-print-directory -C "$REPO" uninstall DESTDIR="$ROOT" prefix=/usr
    run -0 find "$ROOT" -type f -printf '%P\n'
    [ "$output" = usr/share/doc/order-tools/mine ]
}

@test "make install: PREFIX and prefix say the same, each folder can be another, names may have odd characters" {
    install_into "$ROOT/1" PREFIX=/opt/tools
    install_into "$ROOT/2" prefix=/opt/tools
    diff <(files_in "$ROOT/1") <(files_in "$ROOT/2")
    diff <(expected_in opt/tools/bin opt/tools/share) <(files_in "$ROOT/1" | without_units)
    local odd="$ROOT/a 'b' \"c\" & |"
    install_into "$odd" bindir='/some where/b' datarootdir=/d
    diff <(expected_in 'some where/b' d) <(files_in "$odd" | without_units)
    "$odd/some where/b/order-show" --version
    make -s --no-print-directory -C "$REPO" uninstall DESTDIR="$odd" bindir='/some where/b' datarootdir=/d
    run -0 find "$odd" -type f
    [ "$output" = "" ]
    install_into "$ROOT/3" prefix=/usr mandir=/m docdir=/doc bashcompletiondir=/bash
    [ -e "$ROOT/3/m/man7/order-tools.7" ]
    [ -e "$ROOT/3/doc/examples/nginx.conf" ]
    [ -e "$ROOT/3/bash/order-place" ]
}

@test "make install for another machine: completions by programs of this one, or none" {
    local flags=(-C "$REPO" BUILD="$PWD/build" BIN="$PWD/bin" PROGRAMS=order-show)
    run -0 make -n --no-print-directory "${flags[@]}" BIN_FOR_BUILD="$REPO/bin"
    [[ $output == *"scripts/completions/generate $REPO/bin/order-show bash"* ]]
    [[ $output != *"scripts/completions/generate $PWD/bin/"* ]]
    install_into "$ROOT" BIN_FOR_BUILD=
    diff <(expected_in usr/local/bin usr/local/share | grep -vE '/(bash-completion|zsh|fish)/') \
        <(files_in "$ROOT" | without_units)
}

@test "make install-strip: no symbols for debuggers, and it runs" {
    install_into "$ROOT/whole"
    make -s --no-print-directory -C "$REPO" install-strip DESTDIR="$ROOT/bare"
    diff <(files_in "$ROOT/whole") <(files_in "$ROOT/bare")
    local program
    for program in $(programs); do
        "$ROOT/bare/usr/local/bin/$program" --version
        [ "$(stat -c %s "$ROOT/bare/usr/local/bin/$program")" -lt "$(stat -c %s "$ROOT/whole/usr/local/bin/$program")" ]
    done
    run -0 nm "$ROOT/whole/usr/local/bin/order-place"
    [[ $output == *' T main'* ]]
    run --separate-stderr nm "$ROOT/bare/usr/local/bin/order-place"
    [ "$output" = "" ]
    [[ $stderr == *'no symbols'* ]]
}

@test "make install after make with flags: as it was built, unless flags are given again" {
    unset CC CFLAGS CPPFLAGS LDFLAGS
    # What is compiled does not matter here.
    mkdir tools
    printf '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\ncase $2 in *.o) : >"$2" ;; *) cp "%s/bin/${2##*/}" "$2" ;; esac\n' \
        "$REPO" >tools/cc
    chmod +x tools/cc
    PATH=$PWD/tools:$PATH
    local flags=(-C "$REPO" BUILD="$PWD/build" BIN="$PWD/bin" PROGRAMS=order-show)
    make -s --no-print-directory "${flags[@]}" CFLAGS='-O0 -DODD="a '"'b'"'"'
    run -0 make -n --no-print-directory "${flags[@]}" install DESTDIR="$ROOT"
    [[ $output != *-MMD* ]]
    run -0 make -n --no-print-directory "${flags[@]}" install DESTDIR="$ROOT" CFLAGS='-O1'
    [[ $output == *-O1*-MMD*lib/base/options.c* ]]
    run -0 make -n --no-print-directory "${flags[@]}"
    [[ $output == *'-O2 -g'*-MMD*lib/base/options.c* ]]
}

@test "make install after make: makes nothing, and writes nothing beside what it installs" {
    make -s --no-print-directory -C "$REPO" build
    run -0 make --no-print-directory -n -C "$REPO" install DESTDIR="$ROOT"
    [ "$(grep -vE "^install (-m 644 )?(-d )?|^unit=|^    (sed|install) " <<<"$output")" = "" ]
    [ ! -e "$ROOT" ]
    touch stamp
    eventually later_than stamp
    install_into "$ROOT"
    run -0 find "$REPO/bin" "$REPO/.build/completions" "$REPO/.build/flags" "$REPO/.build/postgresql.sql" -newer stamp
    [ "$output" = "" ]
}

# later_than FILE: is a file that is written now newer?
later_than()
{
    touch now
    [ now -nt "$1" ]
}

@test "make install: other programs do it, if they are asked to" {
    printf '#!/bin/sh\necho "$*" >>"%s/calls"\nexec install "$@"\n' "$PWD" >my-install
    chmod +x my-install
    install_into "$ROOT" INSTALL="$PWD/my-install" INSTALL_PROGRAM="$PWD/my-install -m 555"
    diff <(expected_in usr/local/bin usr/local/share | sed 's/^755/555/') <(files_in "$ROOT" | without_units)
    [ "$(grep -c -- '-m 644' calls)" -ge 8 ]
}

@test "make install: units, with the folders that their programs are in" {
    mkdir units
    printf '[Service]\nExecStart=@bindir@/order-track\nReadOnlyPaths=@sysconfdir@ %%h $X\n' >units/order-track.service
    printf '[Socket]\n' >units/order-http.socket
    printf '[Timer]\n' >units/order-flush.timer
    printf 'u order-tools - - @localstatedir@/lib/order-tools\n' >units/order-tools.sysusers.conf
    printf 'd /run/order-tools\n' >units/order-tools.tmpfiles.conf
    install_into "$ROOT" SYSTEMD="$PWD/units" prefix=/usr bindir='/opt/a&b|c\d' sysconfdir=/etc localstatedir=/var
    cd "$ROOT/usr/lib"
    diff - <(cat systemd/system/order-track.service sysusers.d/order-tools.conf) <<'UNITS'
[Service]
ExecStart=/opt/a&b|c\d/order-track
ReadOnlyPaths=/etc %h $X
u order-tools - - /var/lib/order-tools
UNITS
    [ "$(files_in "$PWD" | tr '\n' ' ')" = "644 systemd/system/order-flush.timer 644 systemd/system/order-http.socket \
644 systemd/system/order-track.service 644 sysusers.d/order-tools.conf 644 tmpfiles.d/order-tools.conf " ]
    cd "$BATS_TEST_TMPDIR"
    make -s --no-print-directory -C "$REPO" uninstall SYSTEMD="$PWD/units" DESTDIR="$ROOT" prefix=/usr bindir='/opt/a&b|c\d'
    run -0 find "$ROOT" -type f
    [ "$output" = "" ]
    install_into "$ROOT" SYSTEMD="$PWD/units" systemdsystemunitdir=/units sysusersdir=/users
    [ -e "$ROOT/units/order-http.socket" ]
    [ -e "$ROOT/users/order-tools.conf" ]
}
