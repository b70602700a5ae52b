"""The two servers on 127.0.0.1: the TLS origin behind all names, and the proxy that leads to it."""

from __future__ import annotations

import select
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final

from support.archive.faults import first_struck
from support.archive.messages import Body, Entry, Reply, Request

if TYPE_CHECKING:
    from support.archive.server import Network

CHUNK: Final = 1 << 16
IDLE: Final = 60.0
"""Seconds after which a silent connection is given up."""


def started(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


class Server(socketserver.ThreadingTCPServer):
    """A server on 127.0.0.1 with a thread for each connection, all of which it can end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, network: Network, handler: type[socketserver.BaseRequestHandler]) -> None:
        self.network = network
        self._open: set[socket.socket] = set()
        self._workers: list[threading.Thread] = []
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._workers = [thread for thread in self._workers if thread.is_alive()]
        self._workers.append(started(lambda: self.process_request_thread(request, client_address)))

    def serve(self) -> None:
        """Serve until stopped, which is noticed within a moment."""
        self.serve_forever(poll_interval=0.02)

    def keep(self, connection: socket.socket) -> None:
        """Remember a connection that has to be ended when the server stops."""
        self._open.add(connection)
        if self.network.stopping.is_set():
            _end(connection)

    def drop(self, connection: socket.socket) -> None:
        """Forget a connection, and close it."""
        self._open.discard(connection)
        connection.close()

    def stop(self) -> None:
        """End the server and its connections."""
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            _end(connection)
        for thread in self._workers:
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client may leave at any time, and mistakes of the archive itself are in its `errors`."""


def _end(connection: socket.socket) -> None:
    """Wake whoever waits for a connection: it is over."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Origin(Server):
    """The one server behind all names."""

    def __init__(self, network: Network, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__(network, _OriginHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # Here and not in get_request: a client that stalls in the handshake holds up its own thread alone.
        request.settimeout(IDLE)
        with suppress(OSError):
            secured = self.context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            self.keep(secured)
            try:
                secured.do_handshake()
                super().finish_request(secured, client_address)
            finally:
                self.drop(secured)


class _OriginHandler(BaseHTTPRequestHandler):
    """HTTP/1.1 on one connection."""

    protocol_version = "HTTP/1.1"
    server: Origin

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        host = headers.get("host", "").partition(":")[0].lower()
        request = Request(host, self.command, path, query, headers, body)
        entry = Entry(time.time(), request)
        network = self.server.network
        network.log.append(entry)
        try:
            reply = network.reply(request)
        except Exception as error:
            network.errors.append(error)
            raise
        entry.status = reply.status
        self._send(entry, reply)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Write nothing: the network has the log."""

    def _send(self, entry: Entry, reply: Reply) -> None:
        how = reply.delivery
        if how.silent:
            self._wait()
            self.close_connection = True
            return
        self.send_response(reply.status, HTTPStatus(reply.status).phrase)
        for name, value in reply.headers:
            self.send_header(name, value)
        if how.end_after is not None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if entry.method == "HEAD":
            return
        limits = [len(reply.body), how.cut_after, how.stall_after, how.end_after]
        self._stream(entry, reply.body, min(limit for limit in limits if limit is not None), how.rate)
        if how.stall_after is not None:
            self._wait()
        if how.end_after is not None:
            self._say_goodbye()
        if (how.cut_after, how.stall_after, how.end_after) != (None, None, None):
            self.close_connection = True

    def _stream(self, entry: Entry, body: Body, size: int, rate: float | None) -> None:
        step = CHUNK if rate is None else max(int(rate / 20), 1)
        for first in range(0, size, step):
            stop = min(first + step, size)
            if isinstance(body, bytes):
                chunk = body[first:stop]
            else:
                chunk = replace(body, start=body.start + first, stop=body.start + stop).read()
            self.wfile.write(chunk)
            entry.sent += len(chunk)
            if rate is not None and self.server.network.stopping.wait(len(chunk) / rate):
                return

    def _wait(self) -> None:
        """Say nothing until the client leaves or the network ends."""
        while not self.server.network.stopping.is_set():
            if select.select([self.connection], [], [], 0.05)[0]:
                return

    def _say_goodbye(self) -> None:
        """End TLS in good order, so that the end of the body is not taken for an accident."""
        self.connection.settimeout(2.0)
        with suppress(OSError):
            self.connection.unwrap()


class Proxy(Server):
    """The way out of the tested program."""

    def __init__(self, network: Network) -> None:
        super().__init__(network, _ProxyHandler)


class _ProxyHandler(socketserver.StreamRequestHandler):
    """One tunnel."""

    server: Proxy
    rbufsize = 0
    """Nothing of the tunnel may be read ahead."""

    def handle(self) -> None:
        self.server.keep(self.request)
        try:
            with suppress(OSError):
                self._connect()
        finally:
            self.server.drop(self.request)

    def _connect(self) -> None:
        method, target, *_ = [*self.rfile.readline(CHUNK).decode("latin-1").split(), "", ""]
        while self.rfile.readline(CHUNK).strip():
            pass
        network = self.server.network
        host, _, port = target.rpartition(":")
        if method != "CONNECT" or host not in network.hosts or port != "443":
            network.refused.append(target)
            self._refuse("unknown host")
            return
        fault = first_struck(list(network.rules), host)
        if fault is not None and fault.gate == "refused":
            _reset(self.request)
        elif fault is not None or host in network.down:
            self._refuse("host not found")
        else:
            self._tunnel()

    def _refuse(self, reason: str) -> None:
        self.wfile.write(f"HTTP/1.1 502 {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    def _tunnel(self) -> None:
        origin = self.server.network.origin
        with socket.create_connection(("127.0.0.1", origin.server_address[1])) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = started(lambda: _pump(there, self.request))
            _pump(self.request, there)
            back.join()


def _reset(connection: socket.socket) -> None:
    """Close a connection so that the other side gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes from one socket to another until the first ends."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
