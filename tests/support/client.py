#!/usr/bin/env python3
"""Clients as curl is none. WHERE is ADDRESS:PORT or the path of a Unix socket.

client.py send WHERE [--half] [--drip S] [--wait S]
    Sends standard input, byte for byte, and prints what comes until the server closes the connection: exit 0. Exit 3 if nothing comes
    for S seconds (2) after that was sent, 4 if the connection is reset. --half shuts down its own end when all is sent, --drip sends a
    byte every S seconds.

client.py crowd WHERE N [--drip S] [--small]
    Opens N connections, sends standard input on each, prints "there", and stays without reading until SIGTERM. Then prints how many of
    them the server has left open. --drip sends an "a" on each every S seconds, --small has hardly any room for what comes.

client.py again WHERE N [--stay S]
    N clients that send standard input, wait for the first bytes of an answer, but at most S seconds (1), leave, and begin again, until
    SIGTERM. Then prints how often each status came, and "none".

client.py count
    Listens, prints where, closes each connection at once, and prints when it came, in seconds.

client.py activate ADDRESS... -- COMMAND...
    Becomes the command, as systemd does it for a socket unit: with sockets that listen there.
"""
import argparse
import collections
import contextlib
import os
import resource
import select
import signal
import socket
import sys
import threading
import time


def address_of(where):
    host, colon, port = where.rpartition(":")
    if colon and port.isdigit():
        return socket.AF_INET, (host, int(port))
    return socket.AF_UNIX, where


def connect(where, small=False):
    family, address = address_of(where)
    connection = socket.socket(family)
    if small:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    return connection


def pour(connection, data, drip):
    for at in range(0, len(data), 1 if drip else max(len(data), 1)):
        # What has come already ends the sending: nobody reads on.
        if drip and select.select([connection], [], [], drip)[0]:
            return
        connection.sendall(data[at : at + 1] if drip else data)


def send(options):
    connection = connect(options.where)
    try:
        pour(connection, sys.stdin.buffer.read(), options.drip)
        if options.half:
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    connection.settimeout(options.wait)
    try:
        while data := connection.recv(65536):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    except TimeoutError:
        return 3
    except OSError:
        return 4
    return 0


def is_open(connection):
    connection.setblocking(False)
    try:
        while data := connection.recv(65536):
            pass
        return data != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def crowd(options):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    stopped = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    data = sys.stdin.buffer.read()
    connections = [connect(options.where, options.small) for _ in range(options.number)]
    for connection in connections:
        # The server may have closed it by now.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
    print("there", flush=True)
    while not stopped:
        time.sleep(options.drip or 0.1)
        for connection in connections if options.drip else []:
            with contextlib.suppress(OSError):
                connection.send(b"a", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    print(sum(map(is_open, connections)))
    return 0


def send_again(options, data, stopped, statuses):
    while not stopped:
        with connect(options.where) as connection:
            connection.settimeout(options.stay)
            try:
                connection.sendall(data)
                status = connection.recv(12)[9:].decode()
            except OSError:
                status = ""
        statuses[status or "none"] += 1


def again(options):
    stopped = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    statuses = collections.Counter()
    arguments = (options, sys.stdin.buffer.read(), stopped, statuses)
    threads = [threading.Thread(target=send_again, args=arguments) for _ in range(options.number)]
    for thread in threads:
        thread.start()
    print("there", flush=True)
    for thread in threads:
        thread.join()
    print(*(f"{status}:{count}" for status, count in sorted(statuses.items())))
    return 0


def count(options):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        print("%s:%d" % listener.getsockname(), flush=True)
        while True:
            listener.accept()[0].close()
            print(f"{time.monotonic():.3f}", flush=True)


def activate(options):
    sockets = []
    for where in options.where:
        family, address = address_of(where)
        sockets.append(socket.socket(family))
        sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sockets[-1].bind(address)
        sockets[-1].listen()
    spare = [os.dup(each.fileno()) for each in sockets]
    high = [os.dup2(fd, 100 + index) for index, fd in enumerate(spare)]
    for index, fd in enumerate(high):
        os.dup2(fd, 3 + index)
    os.closerange(3 + len(high), 200)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)))
    os.execvp(options.command[0], options.command)


def main():
    parser = argparse.ArgumentParser()
    jobs = parser.add_subparsers(dest="job", required=True)
    sending = jobs.add_parser("send")
    sending.add_argument("where")
    sending.add_argument("--half", action="store_true")
    sending.add_argument("--drip", type=float)
    sending.add_argument("--wait", type=float, default=2)
    sending.set_defaults(run=send)
    crowding = jobs.add_parser("crowd")
    crowding.add_argument("where")
    crowding.add_argument("number", type=int)
    crowding.add_argument("--drip", type=float)
    crowding.add_argument("--small", action="store_true")
    crowding.set_defaults(run=crowd)
    repeating = jobs.add_parser("again")
    repeating.add_argument("where")
    repeating.add_argument("number", type=int)
    repeating.add_argument("--stay", type=float, default=1)
    repeating.set_defaults(run=again)
    counting = jobs.add_parser("count")
    counting.set_defaults(run=count)
    activating = jobs.add_parser("activate")
    activating.add_argument("where", nargs="+")
    activating.set_defaults(run=activate)
    arguments = sys.argv[1:]
    command = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1 :]
    options = parser.parse_args(arguments)
    options.command = command
    return options.run(options)


sys.exit(main())
