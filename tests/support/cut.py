#!/usr/bin/env python3
"""cut.py TARGET-PORT BYTES: a way to the broker that is cut, in both directions, once so many bytes went to it.

Prints the port that it listens on. Each connection is cut anew, and the bytes on their way are lost with it.
"""
import socket
import struct
import sys
import threading


def copy(source, sink, limit, ends):
    try:
        while limit > 0:
            data = source.recv(min(4096, limit))
            if not data:
                break
            sink.sendall(data)
            limit -= len(data)
    except OSError:
        pass
    for end in ends:
        try:
            # With a reset, so that nothing more is read or written.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, target, limit):
    broker = socket.create_connection(("127.0.0.1", target))
    ends = (client, broker)
    threads = [
        threading.Thread(target=copy, args=(client, broker, limit, ends), daemon=True),
        threading.Thread(target=copy, args=(broker, client, 1 << 40, ends), daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()


def main():
    target, limit = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, target, limit), daemon=True).start()


main()
