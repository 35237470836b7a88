# The examples of a manual page: tests/stories/examples.bats says how they are written.
#
# awk -v base=PREFIX [-v guide=yes [-v bare=yes]] -f examples.awk PAGE
#
# Writes for each PREFIX.NN.sh (the commands), .shown (the output), .code (the exit code), and .file (what is not run). With guide,
# an example is a section, whatever its name; with bare, those sections alone that are run in a bare system, otherwise the others.
function wrong(what) { print FILENAME ":" FNR ": " what > "/dev/stderr"; bad = 1; exit 1 }
function add(suffix, text) { print text >> (name suffix) }
function finish() {
    if (!skip && !commands) wrong("an example without a command")
    if (!skip && !(name in known)) add(".code", code)
    known[name] = 1
    close(name ".sh"); close(name ".shown"); close(name ".code"); close(name ".file")
    inside = 0; skip = 0; code = 0
}
/^\.Sh / { section = $2; chapter++; elsewhere = 0; next }
section != "EXAMPLES" && section != "RECIPES" && !guide { next }
/^\.\\" in a bare system: ./ { elsewhere = 1; next }
elsewhere != (bare == "yes") { next }
/^\.\\" exit [0-9]+$/ { code = $3; next }
/^\.\\" not run: ./ { skip = 1; next }
/^\.Bd -literal/ { inside = 1; commands = 0; name = sprintf("%s.%02d", base, guide ? chapter : ++count); next }
/^\.Ed$/ { finish(); next }
/^\./ && inside { wrong("a macro within an example") }
inside {
    line = $0
    sub(/^\\&/, "", line)
    gsub(/\\e/, "\001", line)
    if (line ~ /\\/) wrong("an escape that is not known here")
    gsub("\001", "\\", line)
    if (skip && line ~ /^[$>] /) wrong("a command in a block that is not run")
    if (skip) add(".file", line)
    else if (line ~ /^\$ /) { commands++; add(".sh", substr(line, 3)) }
    else if (!commands) wrong("output before a command")
    else if (line ~ /^>( |$)/) add(".sh", substr(line, 3))
    else add(".shown", line)
}
END { if (!bad && inside) wrong("an example without an end") }
BEGIN { code = 0 }
