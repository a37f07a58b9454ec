"""Faults on request: rules that say which requests go wrong, and how.

A rule is one JSON object, such as {"fault": "429-qpu", "service": "costmanagement", "times": 2}:

fault                     one of `fault_kinds.KINDS`, or "slow"
method, path, body        which requests: regular expressions, any letter case; `path` is searched in path?query
service                   the provider without "microsoft.", such as "costmanagement", or "resources" for plain ARM
nth, after, times         which of the matching requests: the 2nd; all but the first 3; at most 2 of them
probability, seed         strike at random, the same way for the same seed
seconds                   how long: Retry-After, a stall, a delay
status, code, message, headers   for "status": what to answer
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import struct
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finops.errors import FinopsError
from finops.simulator.fault_kinds import KINDS, ONCE, Answer, Spec
from finops.simulator.store import Json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Serve = Callable[[Scope, Receive, Send], Awaitable[None]]

WHICH = {"fault", "method", "path", "body", "service", "nth", "after", "times", "probability", "seed"}
HOW = {"seconds", "status", "code", "message", "headers", "host", "minutes"}


class FaultError(FinopsError):
    """A rule that cannot be meant."""


@dataclass
class Rule:
    """One fault, and how often its requests came by."""

    fault: str
    asked: Json
    method: re.Pattern[str]
    path: re.Pattern[str]
    body: re.Pattern[str]
    nth: frozenset[int]
    chance: random.Random
    seen: int = 0
    struck: int = 0
    how: Spec = field(default_factory=dict)

    def strikes(self, method: str, target: str, service: str, body: str) -> bool:
        """Whether this request goes wrong. Counts it."""
        if not (self.method.fullmatch(method) and self.path.search(target) and self.body.search(body)):
            return False
        if self.asked.get("service", service).lower() != service:
            return False
        self.seen += 1
        if self.nth and self.seen not in self.nth:
            return False
        if self.seen <= self.asked.get("after", 0) or self.struck >= self.asked.get("times", float("inf")):
            return False
        if self.chance.random() >= self.asked.get("probability", 1):
            return False
        self.struck += 1
        return True

    def described(self) -> Json:
        return {**self.asked, "seen": self.seen, "struck": self.struck}


class Faults:
    """The rules in force. The first rule that strikes decides; "slow" only delays, and the next rule is asked."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = list(rules)

    def add(self, rules: Iterable[Rule] | Json | list[Json]) -> None:
        """Put rules in force: `Rule`s, or as they are written in JSON."""
        if isinstance(rules, dict):
            rules = [rules]
        self.rules += [rule if isinstance(rule, Rule) else rule_of(rule) for rule in rules]

    def clear(self) -> None:
        self.rules.clear()

    async def serve(self, inner: Serve, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by `inner`, or wrongly."""
        path = scope["path"]
        if not self.rules or path.startswith("/simulator"):
            await inner(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        body = scope["state"]["body"].decode("utf-8", "replace")
        for rule in list(self.rules):
            if not rule.strikes(scope["method"], f"{path}?{query}" if query else path, service_of(path), body):
                continue
            scope["state"]["log"]["fault"] = rule.fault
            if rule.fault == "slow":
                await asyncio.sleep(float(rule.how.get("seconds", 1)))
                continue
            await _strike(rule, inner, scope, receive, send)
            return
        await inner(scope, receive, send)


async def _strike(rule: Rule, inner: Serve, scope: Scope, receive: Receive, send: Send) -> None:
    kind = KINDS[rule.fault]
    if kind.flags is not None:
        scope["state"].update(kind.flags(rule.how))
        await inner(scope, receive, send)
        return
    if kind.instead is not None:
        answer = kind.instead(rule.how)
    elif kind.calls_inner:
        answer = await _captured(inner, scope, receive)
    else:
        answer = Answer(0, [], b"")
    if kind.edit is not None and 200 <= answer.status < 300:
        answer = kind.edit(answer, rule.how, scope)
    if kind.ending == "whole":
        await _send(answer, send)
    elif kind.ending == "stall":
        await _stall(float(rule.how.get("seconds", 30)), receive)
    elif kind.ending == "reset":
        await _hang_up(scope, receive, hard=True)
    else:
        # Promise more than is sent, send what there is, then hang up.
        half = answer.body[: len(answer.body) // 2] if kind.ending == "half" else answer.body
        promised = len(answer.body) + (0 if kind.ending == "half" else 50)
        headers = [(key, value) for key, value in answer.headers if key.lower() != b"content-length"]
        headers.append((b"content-length", str(max(promised, len(half) + 1)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _hang_up(scope, receive, hard=False)


async def _captured(inner: Serve, scope: Scope, receive: Receive) -> Answer:
    got = Answer(500, [], b"")

    async def keep(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            got.status, got.headers = message["status"], list(message["headers"])
        else:
            got.body += message.get("body", b"")

    await inner(scope, receive, keep)
    return got


async def _send(answer: Answer, send: Send) -> None:
    headers = [(key, value) for key, value in answer.headers if key.lower() != b"content-length"]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _stall(seconds: float, receive: Receive) -> None:
    """Say nothing until the caller has gone, or for `seconds`."""
    gone = asyncio.ensure_future(_gone(receive))
    await asyncio.wait([gone], timeout=seconds)
    gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang_up(scope: Scope, receive: Receive, hard: bool) -> None:
    """Close the connection: `hard` with a TCP reset, else in good order but too early."""
    transport = scope["state"].get("transport")
    if transport is None:
        raise FaultError("This server cannot reset connections.", "Serve the simulator with finops.simulator.serving.")
    if hard:
        import socket

        # Linger for zero seconds: the kernel sends RST in place of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await _gone(receive)


def service_of(path: str) -> str:
    """ "costmanagement" of ".../providers/Microsoft.CostManagement/query"; "resources" where no provider is named."""
    found: list[str] = re.findall(r"/providers/microsoft\.([a-z.]+)", path.lower())
    if path.lower().startswith("/api/retail/"):
        return "prices"
    if path.lower().endswith("/metrics:getbatch"):
        return "insights"
    return found[-1] if found else "resources"


def rules_of(source: bytes | str | Path | Json | list[Json]) -> list[Rule]:
    """Rules from JSON: a file, its text, or what it holds (one rule, a list, or {"rules": [...]})."""
    if isinstance(source, Path):
        try:
            source = source.read_text("utf-8")
        except OSError as fault:
            raise FaultError(f"The rules in {source} cannot be read: {fault.strerror}.", "Name a JSON file.") from fault
    if isinstance(source, bytes | str):
        try:
            source = json.loads(source)
        except ValueError as fault:
            raise FaultError(f"The fault rules are not JSON: {fault}.", 'Write [{"fault": "429-bare"}].') from fault
    if isinstance(source, dict):
        source = source.get("rules", [source])
    if not isinstance(source, list) or not all(isinstance(item, dict) for item in source):
        raise FaultError("Fault rules are a list of objects.", 'Write [{"fault": "429-bare"}].')
    return [rule_of(item) for item in source]


def rule_of(asked: Json) -> Rule:
    """One rule from its JSON."""
    fault = str(asked.get("fault", ""))
    if fault != "slow" and fault not in KINDS:
        raise FaultError(f"There is no fault '{fault}'.", f"The faults are: {', '.join(sorted([*KINDS, 'slow']))}.")
    unknown = set(asked) - WHICH - HOW
    if unknown:
        raise FaultError(f"A fault rule has no {sorted(unknown)}.", f"It may have {sorted(WHICH | HOW)}.")
    try:
        method, path, body = (re.compile(str(asked.get(key, ".*")), re.I | re.S) for key in ("method", "path", "body"))
    except re.error as wrong:
        raise FaultError(f"{asked} holds a wrong regular expression: {wrong}.", "Mend the expression.") from wrong
    nth = asked.get("nth", [])
    return Rule(
        fault=fault,
        asked={**({"times": 1} if fault in ONCE else {}), **asked},
        method=method,
        path=path,
        body=body,
        nth=frozenset([nth] if isinstance(nth, int) else nth),
        chance=random.Random(asked.get("seed", 0)),  # noqa: S311  # repeatable on purpose
        how={key: asked[key] for key in HOW if key in asked},
    )
