# What is in the Debian packages that scripts/deb makes of what is committed. Here they are made quickly, without optimization; make deb
# has lintian check them, and scripts/matrix installs them: make matrix STEP=package.

load ../support/helper

setup()
{
    isolate
}

programs()
{
    basename -a "$REPO"/src/*
}

# content PACKAGE: the names of its files.
content()
{
    dpkg-deb -c "$1"_*.deb | awk '!/\/$/ { print substr($6, 2) }' | sort
}

# of PACKAGE FIELD
of()
{
    dpkg-deb -f "$1"_*.deb "$2"
}

# holds_program PACKAGE PROGRAM: with its page and its completions, and nobody else's.
holds_program()
{
    grep -F -e "/$2" -e "/_$2" <"$1.content" | grep -E "/_?$2([.].*)?\$" | grep -v '/systemd/' |
        diff - <(printf "/usr/%s\n" "bin/$2" "share/bash-completion/completions/$2" \
            "share/fish/vendor_completions.d/$2.fish" "share/man/man1/$2.1.gz" "share/zsh/vendor-completions/_$2")
}

@test "deb: each program is in the package that it is looked for in" {
    local package program
    command -v dh >/dev/null || skip "no debhelper: scripts/deps package"
    run -0 --separate-stderr env DEB_BUILD_OPTIONS='nocheck noopt' "$REPO/scripts/deb" -d "$PWD"
    for package in order-tools order-tools-http order-tools-postgresql; do
        content "$package" >"$package.content"
        ls "$package-dbgsym"_*.deb
    done
    for program in $(programs); do
        case $program in
        order-http) holds_program order-tools-http "$program" ;;
        order-tools-migrate) holds_program order-tools-postgresql "$program" ;;
        *) holds_program order-tools "$program" ;;
        esac
    done
    cat ./*.content | sort | uniq -d | diff /dev/null -
    grep -qxF /usr/share/order-tools/postgresql.sql order-tools-postgresql.content
    grep -qxF /usr/share/man/man7/order-tools-guide.7.gz order-tools.content
    grep -qxF /usr/lib/sysusers.d/order-tools.conf order-tools.content
    printf "/usr/share/doc/order-tools/examples/%s\n" nginx.conf order-tools.json order.json \
        orders-30.jsonl rules.yml |
        diff - <(grep -F /examples/ order-tools.content)
    [[ $(of order-tools Version) == "$(sed -n 's/.*ORDER_TOOLS_VERSION "\(.*\)"/\1/p' "$REPO/lib/base/version.h")" ]]
    [[ $(of order-tools-postgresql Depends) == *libpq5* ]]
    [[ $(of order-tools Depends) != *libpq5* ]]
    [[ $(of order-tools-http Depends) == *"order-tools (= $(of order-tools Version))"* ]]
}

@test "deb: a version that is not that of the programs, a commit that is none, and wrong usage" {
    git clone -q --no-hardlinks "$REPO" clone
    sed -i 's/ORDER_TOOLS_VERSION ".*"/ORDER_TOOLS_VERSION "99.0"/' clone/lib/base/version.h
    git -C clone -c user.name=t -c user.email=t@example.org commit -qam other
    run -1 --separate-stderr clone/scripts/deb -d "$PWD/out"
    [[ $stderr == 'deb: scripts/debian/changelog has version '*', lib/base/version.h 99.0' ]]
    run -69 --separate-stderr clone/scripts/deb -c nothing -d "$PWD/out"
    run -64 --separate-stderr clone/scripts/deb --unknown
    run -64 --separate-stderr clone/scripts/deb operand
    [ ! -e out ]
}
