"""A bare socket before a function of a project: a length of four bytes, little-endian, and JSON; one connection after the other.
Use: echo.py PROJECT FUNCTION ADDRESS, where an address is a port or the path of a socket."""
import json
import socket
import struct
import sys

sys.path.insert(0, sys.argv[1])
import main

function = getattr(main, sys.argv[2])


def exactly(connection, size):
    found = connection.recv(size)
    while found and len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            return b""
        found += more
    return found


def serve(connection):
    while head := exactly(connection, 4):
        body = json.dumps(function(**json.loads(exactly(connection, *struct.unpack("<I", head))))).encode()
        connection.sendall(struct.pack("<I", len(body)) + body)


address = sys.argv[3]
if address.isdigit():
    listener = socket.create_server(("127.0.0.1", int(address)))
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
while True:
    connection, _ = listener.accept()
    if listener.family == socket.AF_INET:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        serve(connection)
