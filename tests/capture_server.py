"""An SMTP server as a process of its own, to be killed: python capture_server.py PORT FOLDER SLOW

What it has taken lies in FOLDER, a file each; what is under way there as .conn-* and .busy-*. Like real servers it goes
on with a mail whose sender is gone once it has the final dot, and it never looks whether it had that mail before.
Addresses that begin with "grey" are put off once, those with "gone" refused.
"""

from __future__ import annotations

import asyncio
import random
import sys
import uuid
import warnings
from pathlib import Path
from typing import Any

from mailing import Taken

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aiosmtpd.smtp import SMTP


class Door(SMTP):
    """Leaves a mark for each connection that is open."""

    folder: Path

    def connection_made(self, transport: Any) -> None:
        self.mark = self.folder / f".conn-{uuid.uuid4().hex}"
        self.mark.touch()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.mark.unlink(missing_ok=True)


class Desk:
    def __init__(self, folder: Path, slow: float) -> None:
        self.folder = folder
        self.taken = Taken(folder)
        self.slow = slow
        self.chance = random.Random()
        self.tasks: set[Any] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if address.startswith("gone"):
            return "550 5.1.1 no such user"
        mark = self.folder / f".grey-{address}"
        if address.startswith("grey") and not mark.exists():
            mark.touch()
            return "451 4.7.1 come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mark = self.folder / f".busy-{uuid.uuid4().hex}"
        mark.touch()

        async def keep() -> None:
            await asyncio.sleep(self.chance.uniform(0, self.slow))
            self.taken.add(envelope.rcpt_tos, envelope.original_content)
            mark.unlink()

        task = asyncio.get_running_loop().create_task(keep())
        self.tasks.add(task)
        await asyncio.shield(task)
        await asyncio.sleep(self.chance.uniform(0, self.slow))
        return "250 queued"


async def main(port: int, folder: Path, slow: float) -> None:
    Door.folder = folder
    loop = asyncio.get_running_loop()
    desk = Desk(folder, slow)
    server = await loop.create_server(lambda: Door(desk, hostname="mail.test", loop=loop), "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
