"""A way between two network namespaces that no cable cut closes: TCP on one side, a socket of the file system between.

`python relay.py PORT SOCKET` listens on 127.0.0.1:PORT where it runs, and leads to SOCKET; `leading` is the other half.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def pump(one: socket.socket, other: socket.socket) -> None:
    """Until `one` says no more."""
    with suppress(OSError):
        while piece := one.recv(1 << 16):
            other.sendall(piece)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def carry(near: socket.socket, onward: Callable[[], socket.socket]) -> None:
    with near, suppress(OSError), onward() as far:
        back = threading.Thread(target=pump, args=(far, near), daemon=True)
        back.start()
        pump(near, far)
        back.join()


def relay(listener: socket.socket, onward: Callable[[], socket.socket]) -> None:
    """Each connection to `listener` is one of `onward`'s. Until the listener is closed."""
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=carry, args=(near, onward), daemon=True).start()


def there(path: str) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.connect(path)
    return found


@contextmanager
def leading(path: Path, port: int) -> Iterator[None]:
    """While the block runs, the socket leads to 127.0.0.1:PORT here."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        onward = lambda: socket.create_connection(("127.0.0.1", port), 60)  # noqa: E731
        threading.Thread(target=relay, args=(listener, onward), daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        relay(server, lambda: there(sys.argv[2]))
