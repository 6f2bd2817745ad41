"""The ``tradingbot`` command. Each subcommand is one file, imported only when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Final

import click

from tradingbot.core.errors import TradingBotError

COMMANDS: Final = {
    "run": "run the trading daemon",
    "sim": "run the simulated venue alone",
    "validate": "check every symbol at the venue",
    "signals": "show what the newest cycle read of each symbol",
    "why": "say why a symbol was traded or not, now or at a time",
    "explain": "tell the story of a trade or signal and compute it again",
    "replay": "decide recorded cycles again and say what differs",
    "status": "show the state of a running or stopped daemon",
    "tail": "show and follow the journals in logs, filtered, by time",
    "issues": "show what is wrong now and what to do, or acknowledge it",
    "alerts": "show who is told of issues and what waits, or send a test message",
    "digest": "print what the last 24 hours, or a day, were like",
    "jobs": "show the timetable and how its runs went, or run a job now",
    "override": "change a setting for a while, show and clear such changes",
    "pause": "stop entries until resume; exits go on",
    "resume": "lift the pause, or kill switches by name",
    "flatten": "pause, and close every open position now",
    "analyze": "show what finished trades and executed orders teach",
    "learning": "show, compare and take back what was learned and applied",
    "counterfactual": "show what blocked signals would have made, gate by gate",
    "performance": "show return, risk and their ratios, and how far they can be trusted",
    "backtest": "play the trading on recorded or made candles, and report",
    "data": "download, import and check history of the market",
    "check": "run the pre-deployment checks",
    "doctor": "look at everything that may be wrong, and change nothing",
    "backup": "copy the home into one verified file",
    "restore": "put a backup in place of the home's files",
}
EXIT_CONFIGURATION: Final = 2
EXIT_FAILURE: Final = 1


class LazyGroup(click.Group):
    """Finds a subcommand in the module of its name, so that ``--help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The subcommand, or None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tradingbot.app.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Help without importing any subcommand."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tradingbot")
def cli() -> None:
    """A trading daemon for crypto perpetual futures.

    Exit codes: 0 done, 1 a fault or a failed check, 2 wrong usage or configuration.
    """


def main() -> None:
    """Entry point: every expected error is one clear message on standard error and an exit code."""
    os.umask(0o077)  # whatever this process makes is for its own user alone
    # Matrices are small here: threads of the linear algebra library would only wake each other on the loop's time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        click.echo(_without_secrets(said.getvalue()), err=True, nl=False)
        sys.exit(EXIT_CONFIGURATION)
    except TradingBotError as error:
        click.echo(f"tradingbot: {_without_secrets(str(error))}", err=True)
        sys.exit(exit_code_of(error))
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILURE)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"tradingbot: {error.filename}: {error.strerror}; look at --home and at its permissions", err=True)
        sys.exit(EXIT_FAILURE)


def _without_secrets(text: str) -> str:
    from tradingbot.app.masking import masked

    return masked(text, os.environ)


def exit_code_of(error: TradingBotError) -> int:
    """2 for what the user can mend on the command line or in a file, 1 for the rest."""
    from tradingbot.core.errors import ConfigurationError, SymbolUnknownError

    return EXIT_CONFIGURATION if isinstance(error, ConfigurationError | SymbolUnknownError) else EXIT_FAILURE
