"""`finops permissions`: the Azure permissions that the enabled features need, and what is granted of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.jobs.granting.checking import Checked
    from finops.jobs.granting.needs import Who
    from finops.jobs.granting.roles import Role

feature_option = click.option(
    "--feature", "named", metavar="NAME", multiple=True,
    help="This feature in place of the enabled ones; may be given several times.",
)  # fmt: skip
scope_option = click.option(
    "--scope", "scopes", metavar="ID", multiple=True,
    help="Where, in place of the subscriptions in the settings; may be given several times.",
)  # fmt: skip


@click.group(invoke_without_command=True)
@feature_option
@scope_option
@click.option("--identity", type=click.Choice(["reader", "executor"]), help="Only that identity's.")
@click.option(
    "--as", "form", type=click.Choice(["table", "json", "az", "bicep", "terraform"]), default=None,
    help="As a table, custom role JSON, az commands, Bicep, or Terraform.  [default: table]",
)  # fmt: skip
@click.option("--reader", "reader_id", metavar="OBJECT-ID", help="The object id of the identity that reads.")
@click.option("--executor", "executor_id", metavar="OBJECT-ID", help="The object id of the identity that changes.")
@output_option
@reads_azure
@click.pass_context
def permissions(
    context: click.Context, session: Session, named: tuple[str, ...], scopes: tuple[str, ...], identity: str | None,
    form: str | None, reader_id: str | None, executor_id: str | None, output: str,
) -> None:  # fmt: skip
    """Print the Azure permissions that the enabled features need, and why. Changes nothing, and asks Azure nothing.

    What reads needs one role, what changes another; they can be two identities (azure.executor).

    \b
    finops permissions
    finops permissions -o json --identity reader > reader-role.json
    finops permissions --as az --reader OBJECT-ID --executor OBJECT-ID
    finops permissions --feature undo --as bicep
    """
    if context.invoked_subcommand:
        return
    from finops.jobs.granting import text

    made = [one for one in _roles(session, named, scopes) if identity in (None, one.who)]
    principals: dict[Who, str] = dict(text.PRINCIPALS)
    principals |= {"reader": reader_id} if reader_id else {}
    principals |= {"executor": executor_id or reader_id or text.PRINCIPALS["executor"]}
    if form == "az":
        click.echo(text.az(made, principals), nl=False)
    elif form == "bicep":
        click.echo(text.bicep(made, principals), nl=False)
    elif form == "terraform":
        click.echo(text.terraform(made), nl=False)
    elif form == "json" or (form is None and output == "json"):
        _json(made)
    else:
        _rows(made, output)
    for line in _beside(session):
        note(line)


@permissions.command()
@feature_option
@scope_option
@output_option
@reads_azure
@click.pass_context
def check(
    context: click.Context, session: Session, named: tuple[str, ...], scopes: tuple[str, ...], output: str
) -> None:
    """Compare what is granted with what the enabled features need. Changes nothing.

    Asks as each identity what it may do. Exits 1 where something is missing, 20 where something cannot be told.

    \b
    finops permissions check
    finops permissions check --scope /subscriptions/ID/resourceGroups/rg-dev
    """
    from finops.cloud import connect
    from finops.jobs.granting.checking import check as compare

    if session.estate:
        raise UsageError("--estate was given: a recording grants nothing.", "Leave it out, or give --azure.")
    settings = session.settings
    with session.azure() as reader:
        places = scopes or tuple(f"/subscriptions/{one['subscriptionId']}" for one in reader.subscriptions())
        made = _roles(session, named, scopes, places, _vault(reader, settings.azure.key_vault))
        own = settings.azure.acting()
        if own is settings.azure:
            found = compare({"reader": reader, "executor": reader}, made)
        else:
            with connect(own, tell=note) as executor:
                found = compare({"reader": reader, "executor": executor}, made)
    _say(found, made, output)
    if found.missing:
        context.exit(1)
    if found.unknown:
        context.exit(PARTIAL)


def _roles(
    session: Session,
    named: tuple[str, ...],
    scopes: tuple[str, ...],
    subscriptions: tuple[str, ...] = (),
    vault: str = "",
) -> list[Role]:
    from finops.janitor.reading import folders, rules
    from finops.jobs.granting import enabled, features, roles
    from finops.jobs.granting.features import acting_scopes
    from finops.jobs.granting.roles import ANYWHERE, VAULT

    settings = session.settings
    for scope in scopes:
        if not scope.startswith("/") or scope.endswith("/"):
            raise UsageError(f"'{scope}' is no scope.", "Write an ARM id, such as /subscriptions/ID.")
    chosen = features(named) if named else enabled(settings, rules(folders(settings), settings.janitor))
    known = [scope.split("/")[2] for scope in subscriptions if scope.count("/") >= 2] or settings.azure.subscriptions
    reading = scopes or tuple(f"/subscriptions/{one}" for one in known) or (ANYWHERE,)
    acting = scopes or acting_scopes(settings, known) or (ANYWHERE,)
    found = roles(chosen, {"reader": reading, "executor": acting}, vault or VAULT)
    # A role for some features never takes the place of the one for all that are enabled.
    return [replace(one, name=f"{one.name} ({', '.join(named)})") for one in found] if named else found


def _vault(azure: Azure, name: str | None) -> str:
    """The id of the Key Vault of that name; "" where it is not seen."""
    if not name:
        return ""
    from finops.errors import AzureError

    subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
    query = f"Resources | where type =~ 'microsoft.keyvault/vaults' | where name =~ '{name}' | project id, name"
    try:
        found = azure.graph(query, subscriptions)
    except AzureError as fault:
        note(f"The Key Vault {name} was not found: {fault}")
        return ""
    return str(found[0]["id"]) if len(found) == 1 else ""


def _rows(made: list[Role], output: str) -> None:
    rows = [
        {"Identity": role.who, "Feature": need.feature, "Permission": need.action, "Data": "data" if need.data else "",
         "Scope": "; ".join(role.scopes), "Why": need.why}
        for role in made for need in role.needs
    ]  # fmt: skip
    if output == "table":
        from finops.cli.janitor_rows import show_rows

        show_rows(rows, ["Scope", "Why"], "Permissions")
    else:
        show(rows, output, ["Identity", "Feature", "Permission", "Data", "Scope", "Why"])


def _json(made: list[Role]) -> None:
    """One role as `az role definition create` takes it; several as a list."""
    import json

    found: list[Any] = [role.definition for role in made]
    click.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False))


def _beside(session: Session) -> list[str]:
    """What no Azure role grants, or a role of Azure's own does."""
    mail = session.settings.mail
    said = []
    if mail.transport == "graph":
        more = " and Mail.ReadBasic.All" if mail.graph.look_up else ""
        said.append(f"Beside it, of Microsoft Graph: Mail.Send{more}, for the mailbox {mail.graph.user} only.")
    if mail.transport == "acs" and mail.acs.access_key is None:
        said.append("Beside it: Communication and Email Service Owner on the resource of mail.acs.endpoint.")
    if session.settings.janitor.mode != "off":
        said.append(
            "Beside it, of Microsoft Graph: User.Read.All, to know owners who left; without it that is unknown."
        )
    return said


def _say(found: Checked, made: list[Role], output: str) -> None:
    from finops.cli.janitor_rows import show_rows
    from finops.jobs.granting import text

    rows = [
        {"Feature": one.need.feature, "Identity": one.need.who, "State": one.state, "Permission": one.need.action,
         "Scope": one.scope, "Why": one.why or one.need.why}
        for one in found.found
    ]  # fmt: skip
    surplus = [
        {"Feature": "", "Identity": one.who, "State": "surplus", "Permission": one.surplus.pattern,
         "Scope": one.scope,
         "Why": f"{'can change things' if one.surplus.changes else 'only reads'}; {one.surplus.needed} needed under it"}
        for one in found.beyond
    ]  # fmt: skip
    if output != "table":
        show([*rows, *surplus], output, ["Feature", "Identity", "State", "Permission", "Scope", "Why"])
    else:
        granted: dict[tuple[str, str], bool] = {}
        for one in found.found:
            key = (one.need.feature, one.need.who)
            granted[key] = granted.get(key, True) and one.state == "granted"
        for (feature, who), whole in granted.items():
            click.echo(f"{'ok     ' if whole else 'NOT ok '} {feature} ({who})")
        show_rows([row for row in rows if row["State"] != "granted"], ["Scope", "Why"], "Missing or unknown")
        show_rows(surplus, ["Scope", "Why"], "Granted beyond need")
    for role in made:
        lacking = {one.scope for one in found.missing if one.need in role.needs and one.need.who == role.who}
        if lacking:
            note(f"The {role.who} lacks something of the role '{role.name}'. Make or update it, then give it:")
            note(f"  finops permissions --identity {role.who} -o json > {role.who}-role.json")
            note(f"  az role definition create --role-definition {role.who}-role.json   # or: update")
            for line in text.assignments(role, text.PRINCIPALS[role.who]):
                note(f"  {line}")
    if found.missing:
        note("A role that is given further down, such as on a resource group, is not seen from above: give --scope.")
