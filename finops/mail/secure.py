"""TLS towards mail servers and chats: always verified, with your own authorities where you name them."""

from __future__ import annotations

import ssl
from pathlib import Path

from finops.errors import ConfigError


def tls(ca_file: Path | None) -> ssl.SSLContext:
    """A context that verifies certificate and name, TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as fault:
            raise ConfigError(
                f"mail.ca_file {ca_file} cannot be read as certificates ({fault.strerror or fault}).",
                "Give a PEM file with the certificate of your authority.",
            ) from fault
    return context


def refused_certificate(fault: ssl.SSLError) -> tuple[str, str]:
    """What is wrong with the other side's TLS, and what to do; to complete a sentence that names the other side."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not to be trusted ({fault.verify_message})",
            "Mend the certificate, use the name that it is for, or name your authority in mail.ca_file. "
            "Nothing was sent.",
        )
    return (
        f"cannot be spoken to over TLS ({fault.reason or fault})",
        "Check its port and mail.smtp.security: implicit is for ports with TLS from the start. Nothing was sent.",
    )
