"""Secrets that are read when they are used: a replaced file, or a Key Vault's newest version, counts from then on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from finops.errors import ConfigError, FinopsError

if TYPE_CHECKING:
    from finops.config.azure import AzureSettings

log = logging.getLogger(__name__)

VAULT = "keyvault:"
# Seconds for which what a vault said counts. A rotated secret is taken by then; each look is one call to the vault.
FRESH_SECONDS = 300.0
AskVault = Callable[["AzureSettings", str], str]  # the value of the secret of that name, in azure.key_vault
Read = Callable[[], str]


class LiveSecret(SecretStr):
    """A secret that is read anew by each `get_secret_value`, and shown by nothing else.

    far: reading it may ask a vault, so that nobody asks for it only to look whether it is well formed.
    """

    def __init__(self, read: Read, far: bool) -> None:
        super().__init__("unread")
        self.far = far
        self._read = read
        self._seen: dict[str, None] = {}

    def get_secret_value(self) -> str:
        value = self._read()
        self._seen[value] = None
        return value

    def seen(self) -> list[str]:
        """What it was whenever it was read: what no log may hold. Reads nothing."""
        return list(self._seen)

    def __len__(self) -> int:
        return len(self.get_secret_value())

    def __eq__(self, other: Any) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def seen(secret: SecretStr) -> list[str]:
    """The values of a secret that this process has known so far, to be kept out of what it says."""
    at_hand(secret)
    return secret.seen() if isinstance(secret, LiveSecret) else [secret.get_secret_value()]


def at_hand(secret: SecretStr | None) -> str | None:
    """Its value where no vault has to be asked for it: for checks when settings are read."""
    if secret is None or (isinstance(secret, LiveSecret) and secret.far):
        return None
    return secret.get_secret_value()


def keys(secret: SecretStr) -> list[str]:
    """The keys that a secret holds, one a line, the newest first: it signs, and what the others signed still counts."""
    return [line.strip() for line in secret.get_secret_value().splitlines() if line.strip()]


def live(
    read: Read,
    path: str,
    azure: Callable[[], AzureSettings],
    ask: AskVault | None,
    clock: Callable[[], float] = time.monotonic,
) -> LiveSecret:
    """The secret of the setting `path`: what `read` gives, or what the vault has under the name that it gives."""
    vaulted: dict[str, Read] = {}

    def value() -> str:
        text = read()
        if not text.startswith(VAULT):
            return text
        name = text.removeprefix(VAULT).strip()
        if name not in vaulted:
            vaulted[name] = _from_vault(name, path, azure, ask, clock)
        return vaulted[name]()

    return LiveSecret(value, far=read().startswith(VAULT))


def from_file(file: Path, path: str) -> Read:
    """Reads a file anew each time: it is small. Where it cannot be read any more, what it held last counts.

    So it does where the file is empty: somebody is writing it in place, and no key is the empty one.
    """
    known = file.read_text("utf-8").strip()

    def read() -> str:
        nonlocal known
        try:
            known = file.read_text("utf-8").strip() or known
        except (OSError, UnicodeDecodeError) as fault:
            log.warning("The secret %s cannot be read (%s): what it was before counts.", path, type(fault).__name__)
        return known

    return read


def _from_vault(
    name: str, path: str, azure: Callable[[], AzureSettings], ask: AskVault | None, clock: Callable[[], float]
) -> Read:
    """Asks the vault, at most every FRESH_SECONDS. Where it does not answer, what it said last counts."""
    lock = threading.Lock()
    known: str | None = None
    until = 0.0

    def read() -> str:
        nonlocal known, until
        with lock:
            if known is not None and clock() < until:
                return known
            if ask is None:
                raise ConfigError(
                    f"{path} lies in the Key Vault as {name}, and this command asks no vault.",
                    "Give it as a file of $FINOPS_SECRETS here.",
                )
            try:
                known = ask(azure(), name)
            except FinopsError as fault:
                if known is None:
                    raise
                log.warning("%s was not read from the Key Vault anew: %s The one before counts.", path, fault.what)
            until = clock() + FRESH_SECONDS
            return known

    return read


def sealing(secret: SecretStr | None) -> Callable[[], bytes] | None:
    """What seals the audit trail, as State.open takes it: read anew for each entry."""
    return (lambda: secret.get_secret_value().encode()) if secret is not None else None
