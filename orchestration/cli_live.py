"""The commands of the live service: `serve` and `tokens`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.cli_options import CatalogOption, HomeOption

RoleOption = Annotated[
    Literal["agent", "marketer", "privacy", "service"],
    typer.Option("--role", help="What it may see: agent, marketer, privacy or service."),
]


def add_live_commands(app: typer.Typer) -> None:
    """Adds the commands to the command `context360`."""
    app.command()(serve)
    app.add_typer(tokens, name="tokens")
    app.add_typer(users, name="users")


def serve(
    host: Annotated[str, typer.Option(help="Address on which it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on which it listens.")] = 8360,
    certificate: Annotated[Path | None, typer.Option(help="Certificate of TLS (PEM), for other machines.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
    proxy: Annotated[
        str | None,
        typer.Option(help="Address of the proxy that speaks TLS in front of it, such as 10.0.0.5."),
    ] = None,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Answer at the moment: profiles by any identifier, over HTTP. Take in the events of systems that send them.

    Follows each publication without a restart. Beyond this machine it speaks only TLS, its own or a proxy's.
    """
    from orchestration.console import serve_home

    raise typer.Exit(
        serve_home(host=host, port=port, certificate=certificate, key=key, proxy=proxy, catalog=catalog, home=home)
    )


tokens = typer.Typer(help="Tokens of programs that call the service: each has a name and a role.", no_args_is_help=True)


@tokens.command("add")
def tokens_add(
    name: Annotated[str, typer.Argument(help="Name of the program, such as check-out.")],
    role: RoleOption = "service",
    home: HomeOption = None,
) -> None:
    """Make a token and show it once; only its hash is kept."""
    from orchestration.console import create_token

    raise typer.Exit(create_token(name, role, home=home))


@tokens.command("list")
def tokens_list(home: HomeOption = None) -> None:
    """List tokens with their roles."""
    from orchestration.console import show_tokens

    raise typer.Exit(show_tokens(home=home))


@tokens.command("disable")
def tokens_disable(
    name: Annotated[str, typer.Argument(help="Name of the token.")],
    home: HomeOption = None,
) -> None:
    """End a token; a running service refuses it from then on."""
    from orchestration.console import end_token

    raise typer.Exit(end_token(name, home=home))


users = typer.Typer(
    help="Accounts of people who use the agent's page: each has a name and a role.", no_args_is_help=True
)


@users.command("add")
def users_add(
    name: Annotated[str, typer.Argument(help="Name with which the person logs in.")],
    role: RoleOption = "agent",
    home: HomeOption = None,
) -> None:
    """Make an account; asks for its password, of which only the hash is kept."""
    from orchestration.console import create_account

    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    raise typer.Exit(create_account(name, role, password, home=home))


@users.command("list")
def users_list(home: HomeOption = None) -> None:
    """List accounts with their roles."""
    from orchestration.console import show_accounts

    raise typer.Exit(show_accounts(home=home))


@users.command("disable")
def users_disable(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    home: HomeOption = None,
) -> None:
    """End an account and its sessions; a running service refuses it from then on."""
    from orchestration.console import end_account

    raise typer.Exit(end_account(name, home=home))
