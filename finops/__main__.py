"""The `finops` command, also as `python -m finops`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; without click (a training image) say what to install."""
    if sys.argv[1:] == ["--version"]:
        from finops import __version__

        sys.stdout.write(f"finops {__version__}\n")
        return
    try:
        import click  # noqa: F401
    except ModuleNotFoundError:
        from finops.errors import MissingExtra

        fault = MissingExtra("The finops command", "daemon")
        sys.stderr.write(f"Error: {fault}\n")
        raise SystemExit(fault.exit_code) from None
    from finops.cli import cli

    cli(prog_name="finops")


if __name__ == "__main__":
    main()
