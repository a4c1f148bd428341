#!/usr/bin/env python3
"""A small HTTP service with spans: /fib/N, /empty and /download, in the standard library's server.

    server.py --port 0 --dir D      prints its address; has D/blob.bin.1 to D/blob.bin.4 while it runs
    /download?file=4                that file; without it a random one

The handlers are the spans fib, empty and download; download has headers and write inside.
SIGTERM and SIGINT end it when the requests under way are answered; a second one ends it at once.
"""

import argparse
import os
import random
import signal
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from nulltrace import Args, ReturnValue, Tracer

SIZES = {1: 1 << 10, 2: 64 << 10, 3: 1 << 20, 4: 512 << 20}
PIECE = 64 << 10


@contextmanager
def files(folder):
    """Sparse: they have their size and take no room. What was there before is left as it is."""
    os.makedirs(folder, exist_ok=True)
    made = []
    try:
        for number, size in SIZES.items():
            path = os.path.join(folder, "blob.bin.%d" % number)
            try:
                with open(path, "xb") as file:
                    made.append(path)
                    file.truncate(size)
            except FileExistsError:
                if os.path.getsize(path) != size:
                    raise SystemExit("server.py: not a file of %d bytes: %s; choose another --dir" % (size, path))
        yield
    finally:
        for path in made:
            os.remove(path)


def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        first, _, rest = url.path.lstrip("/").partition("/")
        if first == "fib":
            self.fib(rest)
        elif first == "empty" and not rest:
            self.empty()
        elif first == "download" and not rest:
            self.download(parse_qs(url.query).get("file", [None])[0])
        else:
            self.answer(404, b"no such page\n")

    @Tracer(enter_args={"n": Args(1)}, exit_args={"status": ReturnValue})
    def fib(self, n):
        # 9999 has 2090 digits.
        if not n.isdecimal() or len(n) > 4:
            return self.answer(400, b"n has one to four digits\n")
        return self.answer(200, b"%d\n" % fib(int(n)))

    @Tracer(exit_args={"status": ReturnValue})
    def empty(self):
        return self.answer(200, b"")

    def download(self, file):
        number = random.choice(list(SIZES)) if file is None else int(file) if file.isdecimal() else 0
        with Tracer("download", {"file": number}) as t:
            if number not in SIZES:
                t.exit_args["status"] = self.answer(400, b"file is a number from 1 to 4\n")
                return
            path = os.path.join(self.server.folder, "blob.bin.%d" % number)
            with open(path, "rb", buffering=0) as file:
                with t.span("headers"):
                    self.headers_of(200, SIZES[number])
                with t.span("write") as write:
                    sent = 0
                    while piece := file.read(PIECE):
                        self.wfile.write(piece)
                        sent += len(piece)
                    write.exit_args["bytes"] = sent
            t.exit_args["status"] = 200

    def answer(self, status, body):
        self.headers_of(status, len(body))
        self.wfile.write(body)
        return status

    def headers_of(self, status, length):
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them

    def __init__(self, address, folder):
        self.folder = folder
        self.open = set()
        super().__init__(address, Handler)

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def server_close(self):
        # A client that keeps its connection has no further request.
        for request in list(self.open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RD)
        super().server_close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--dir", default="/tmp")
    options = options.parse_args()
    with files(options.dir), Server(("127.0.0.1", options.port), options.dir) as server:

        def end(number, _frame):
            signal.signal(number, signal.SIG_DFL)
            # In a thread of its own: shutdown waits for the loop, which runs in this one.
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        print("http://127.0.0.1:%d" % server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
