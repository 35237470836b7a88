#!/usr/bin/python3
"""tab.py SHELL FILE LINE: types the line into an interactive bash or zsh in which FILE was read, and asks it to
complete its end. Prints the words of the line then, one a line, with all that may stand there; and on standard
error the seconds that this took. What the shell itself writes is dropped."""

import os
import pty
import re
import select
import signal
import sys
import time

LONGEST = 60

BASH = r"""
PS1='ready>'
bind 'set enable-bracketed-paste off'
bind '"\C-xa": insert-completions'
"""

# A widget that inserts all matches, as insert-completions does.
ZSH = r"""
unsetopt zle_bracketed_paste prompt_sp 2>/dev/null; unset zle_bracketed_paste
bindkey -e
fpath=(${FILE:h} $fpath)
autoload -Uz compinit && compinit -D -u
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
bindkey '^Xa' all-matches
PS1='ready>'
"""


class Shell:
    def __init__(self, arguments, environment):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], arguments, environment)
        self.seen = ""
        self.end = time.monotonic() + LONGEST

    def send(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        """Returns the match of what the shell writes, and forgets all up to its end."""
        while True:
            found = re.search(pattern, self.seen, re.S)
            if found:
                self.seen = self.seen[found.end():]
                return found
            ready, _, _ = select.select([self.terminal], [], [], max(0, self.end - time.monotonic()))
            if not ready:
                sys.exit(f"tab.py: no {pattern!r} in {self.seen!r}")
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def main():
    name, path, line = sys.argv[1:]
    environment = dict(os.environ, TERM="dumb", FILE=path, COLUMNS="10000", LINES="100")
    if name == "bash":
        shell = Shell(["bash", "--norc", "--noprofile", "-i"], environment)
        setup = BASH + f"source '{path}'\n"
    else:
        shell = Shell(["zsh", "-f", "-i"], environment)
        setup = ZSH
    # Printed in two pieces, so that the echo of the command itself is no match. ^Xp is that of a line that is done.
    setup += "words() { printf '<%s>\\n' 'be''gin' \"$@\" 'e''nd'; }\n"
    shell.send("stty -echo cols 10000; eval \"$(printf '%b' '" +
               "".join(f"\\0{ord(c):o}" for c in setup) + "')\"; words set up\r")
    shell.wait_for("<begin>\r\n<set>\r\n<up>\r\n<end>")
    shell.wait_for("ready>")
    started = time.monotonic()
    # To the end of what was inserted, and then to the start, to put the command before.
    shell.send(line + "\x18a" + "\x01words \r")
    said = shell.wait_for("<begin>\r\n(.*?)<end>\r\n").group(1)
    seconds = time.monotonic() - started
    shell.close()
    for word in said.split("\r\n")[:-1]:
        print(word[1:-1])
    print(f"{seconds:.3f}", file=sys.stderr)


main()
