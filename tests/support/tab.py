#!/usr/bin/python3
"""tab.py bash|zsh|fish FILE LINE: has an interactive shell, which knows the completions in FILE, complete the end of
the line. Prints all that may stand there, one a line, and on standard error the seconds that it took."""

import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time

LONGEST = 60

BASH = r"""
PS1='ready>'
bind 'set enable-bracketed-paste off'
bind '"\C-xa": insert-completions'
source "$FILE"
"""

# With a widget that inserts all matches, as insert-completions does.
ZSH = r"""
unsetopt prompt_sp
unset zle_bracketed_paste
bindkey -e
fpath=(${FILE:h} $fpath)
# What it finds is written down at the first time, which takes it most of its time.
autoload -Uz compinit && compinit -C -d "${FILE:h}/found"
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


def type_into(arguments, path, setup, line):
    """Returns the words of the line after its end was completed, all matches inserted, and the seconds."""
    shell = Shell(arguments, dict(os.environ, TERM="dumb", FILE=path))
    setup += "words() { printf '<%s>\\n' 'be''gin' \"$@\" 'e''nd'; }\n"
    shell.send("stty -echo cols 10000; eval \"$(printf '%b' '"
               + "".join(f"\\0{ord(c):o}" for c in setup) + "')\"; words set up\r")
    shell.wait_for("<begin>\r\n<set>\r\n<up>\r\n<end>.*ready>")
    started = time.monotonic()
    # Completes; then, at the start of the line, puts a command before it that prints the words.
    shell.send(line + "\x18a" + "\x01words \r")
    said = shell.wait_for("<begin>\r\n(.*?)<end>\r\n").group(1)
    seconds = time.monotonic() - started
    shell.close()
    return [word[1:-1] for word in said.split("\r\n")[:-1]], seconds


def ask_fish(path, line):
    """fish tells what it would offer."""
    script = "source $argv[1]; set -l from (date +%s%N); complete -C $argv[2]; date +%s%N; echo $from"
    said = subprocess.run(["fish", "--no-config", "-c", script, path, line], stdout=subprocess.PIPE, text=True,
                          timeout=LONGEST, check=True).stdout.splitlines()
    return [entry.split("\t")[0] for entry in said[:-2]], (int(said[-2]) - int(said[-1])) / 1e9


def main():
    name, path, line = sys.argv[1:]
    if name == "fish":
        offered, seconds = ask_fish(path, line)
    else:
        if name == "bash":
            words, seconds = type_into(["bash", "--norc", "--noprofile", "-i"], path, BASH, line)
        else:
            words, seconds = type_into(["zsh", "-f", "-i"], path, ZSH, line)
        # What was there before stays, but for the redirections, which are no words of the command.
        offered = words[len(shlex.split(line.replace("< ", "") + "end")) - 1:]
    print("".join(word + "\n" for word in offered), end="")
    print(f"{seconds:.3f}", file=sys.stderr)


main()
