"""Take secrets and personal data out of what is recorded. What was taken out already stays as it is."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

GONE = "(redacted)"

# Names of fields that hold secrets. Everything under such a name goes, unless it is one of HARMLESS.
SECRET = re.compile(r"key|secret|passw|pwd|token|credential|connectionstring|signature|certificate", re.I)
# Fields with such names that hold no secret but say something that rules ask about.
HARMLESS = re.compile(
    r"^(keyvault.*|keysource|keytype|keyname|keyversion|keyidentifier|keypolicy|keycreationtime|key(encryption)?vaulturi"
    r"|currentversionedkeyidentifier|lastkeyrotationtimestamp|currentversionedkeyexpirationtimestamp"
    r"|credentialtype|credentialstype|authmode|authtype|authorizationsource|skiptoken|tokenaudience)$",
    re.I,
)
# Fields that name a person, whatever they hold.
PERSON = re.compile(
    r"^(caller|createdby|lastmodifiedby|username|adminusername|useremail|displayname|userdisplayname|givenname|surname"
    r"|familyname|upn|userprincipalname|mail|email|owner|owners|ownedby|contact|requester|requestedby|submittedby"
    r"|assignedto|userobjectid|puid)$",
    re.I,
)
# Applications act under a GUID, in fields in which people act under their address.
ACTORS = {"caller", "createdby", "lastmodifiedby"}
GUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", re.I)
PLACES = {"clientipaddress", "ipaddr", "ipaddress"}
OF_THINGS = {"displayname", "owner"}
# ... unless one of these stands beside them.
BESIDE = re.compile(r"upn|principal|email|mail|objectid", re.I)
ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
PSEUDONYM = re.compile(r"^person-[0-9a-f]{12}@redacted$")
# Secrets in the middle of other text: SAS signatures, connection strings, command lines, tokens.
INLINE = (
    re.compile(r"(?i)\b((?:sig|accountkey|sharedaccesskey|sharedaccesssignature|password|pwd|secret)=)[^;&\s\"']+"),
    re.compile(r"(?i)(--?[\w-]*(?:key|token|secret|password|pwd)[\w-]*(?:=|\s+))(?!-)[^\s\"']+"),
    re.compile(r"(?i)\b((?:[A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASSWORD))=)[^\s\"';&]+"),
    re.compile(r"(?i)([?&]code=)[^&\s\"']+"),
    re.compile(r"(?i)(\bbearer\s+|authorization:\s*basic\s+)[\w.~+/=-]{12,}"),
    re.compile(r"()\beyJ[\w-]+\.[\w-]+\.[\w-]*"),
    re.compile(r"(://[^/@\s:]*:)[^/@\s]+(?=@)"),
)
# Their names tell what a job needs, their values may be anything.
VARIABLES = {"environmentvariables"}
# The claims of an activity log event are the caller's whole identity.
CLAIMS = {"claims"}


class Redaction:
    """One recording's redaction: the same person gets the same pseudonym, other recordings give another.

    `salt` keeps a pseudonym from being found by trying addresses.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def __call__(self, value: Any, name: str = "", secret: bool = False) -> Any:
        """`value` of the field `name`, without secrets and persons. The value given is not changed.

        secret: it lies below a field whose name says secret.
        """
        plain = _plain(name)
        secret = (secret or bool(SECRET.search(plain))) and not HARMLESS.match(plain)
        if plain in CLAIMS:
            return GONE if value else value
        if isinstance(value, Mapping):
            if plain in VARIABLES:
                return {key: found if found is None else GONE for key, found in value.items()}
            # Outside of tags, `displayName` and `owner` stand for things, too: an endpoint's, a model's.
            things = plain != "tags" and not any(BESIDE.search(key) for key in value)
            return {
                key: self(found, "" if things and _plain(key) in OF_THINGS else key, secret)
                for key, found in value.items()
            }
        if isinstance(value, list):
            return [self(item, name, secret) for item in value]
        return self._text(value, plain, secret) if isinstance(value, str) else value

    def person(self, who: str) -> str:
        """The pseudonym of one person."""
        if PSEUDONYM.match(who):
            return who
        digest = hmac.new(self._salt, who.strip().lower().encode(), hashlib.sha256).hexdigest()
        return f"person-{digest[:12]}@redacted"

    def _text(self, value: str, plain: str, secret: bool) -> str:
        if value in ("", GONE) or PSEUDONYM.match(value):
            return value
        if (secret and not _says_nothing(value)) or plain in PLACES:
            return GONE
        if PERSON.match(plain) and not value.startswith("/") and not (plain in ACTORS and GUID.match(value)):
            return self.person(value)
        if value[:1] in "{[" and (inner := _parsed(value)) is not None:
            clean = self(inner)
            return value if clean == inner else json.dumps(clean, ensure_ascii=False)
        for pattern in INLINE:
            value = pattern.sub(_without_secret, value)
        return ADDRESS.sub(lambda found: self.person(found.group(0)), value)


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


def _without_secret(found: re.Match[str]) -> str:
    return found.group(0) if GONE in found.group(0) else found.group(1) + GONE


def _says_nothing(value: str) -> bool:
    """Whether a text cannot be a secret: an ARM id, a time, a switch."""
    if value.startswith("/subscriptions/") or value.lower() in {"true", "false", "enabled", "disabled", "none"}:
        return True
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?", value))


def _parsed(value: str) -> Any:
    """Activity log events carry request bodies as text; None where the text is no JSON."""
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None
