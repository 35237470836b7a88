#!/usr/bin/env python3
"""manager.py NAME FILE: the service manager's end of NOTIFY_SOCKET.

Writes each message that comes to the socket NAME, which may begin with "@", as a line of FILE, with a space in place of each newline.
"""
import socket
import sys

name = sys.argv[1]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("\0" + name[1:] if name.startswith("@") else name)
with open(sys.argv[2], "a", encoding="utf-8") as told:
    while True:
        message = manager.recv(65536).decode("utf-8")
        told.write(message.replace("\n", " ") + "\n")
        told.flush()
