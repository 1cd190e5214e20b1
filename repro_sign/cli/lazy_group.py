"""A group of commands, each imported only when it runs: start-up is a feature."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands by name, in the order in which people need them.

    Each command's module lies in `package` under the command's name (`list` in `list_`, as Python
    needs that word itself) and calls the command `command`. The sentence is shown by --help.
    """

    def __init__(
        self, *arguments: Any, package: str, sentences: Mapping[str, str], **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self._package = package
        self._sentences = sentences

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(self._sentences)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        del ctx
        if cmd_name not in self._sentences:
            return None
        module = importlib.import_module(f"{self._package}.{_module_of(cmd_name)}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__} has no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self._sentences.items()))


def _module_of(name: str) -> str:
    return f"{name}_" if name in ("list", "import") else name
