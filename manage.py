#!/usr/bin/env python
"""Entry of every command; has the embedded servers run for the command's own duration where it needs them."""

import os
import signal
import sys
from contextlib import ExitStack

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError, ProgrammingError
from environs import EnvError

from recsite import embedded
from recsite.embedded.lifetime import die_with_parent

WITHOUT_SERVERS = frozenset(
    {"help", "version", "check", "collectstatic", "findstatic", "diffsettings", "spectacular", "makemessages"}
    | {"compilemessages", "startapp", "startproject"}
)
"""Commands that touch no row; every other one gets servers."""
SUPERVISED = frozenset({"serve", "demo"})
"""Commands that start the servers themselves, through the supervisor."""
MISSING = {"42P01", "42703"}  # undefined_table, undefined_column


def needs_servers(arguments: list[str]) -> bool:
    """Whether the command that these arguments name reads or writes rows."""
    asked_for_help = not arguments or {"-h", "--help", "--version"} & set(arguments)
    return not asked_for_help and arguments[0] not in WITHOUT_SERVERS | SUPERVISED


def end_in_order(number: int, _frame: object) -> None:
    """Let a request to end run the tidying up that Ctrl-C runs."""
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command; what people can mend is one line on the error stream, never a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recsite.settings")
    if os.environ.pop("DIE_WITH_PARENT", ""):
        die_with_parent(signal.SIGTERM)
    if odd := [argument for argument in sys.argv if any("\udc80" <= sign <= "\udcff" for sign in argument)]:
        sys.exit(f"The argument {odd[0]!a} is not text in UTF-8; write it anew.")
    try:
        with ExitStack() as stack:
            if needs_servers(sys.argv[1:]):
                for number in (signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, end_in_order)
                stack.enter_context(embedded.running(settings.DATA_DIR, **embedded.wanted_by(settings)))
            execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except (embedded.EmbeddedError, EnvError, ImproperlyConfigured) as error:
        sys.exit(str(error))
    except PermissionError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"{error.filename}: {error.strerror}; run this as the account that it belongs to, or set DATA_DIR")
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database cannot be used: {str(error).strip()}")
    except ProgrammingError as error:
        if "--traceback" in sys.argv or getattr(error.__cause__, "sqlstate", None) not in MISSING:
            raise
        sys.exit("The database lacks tables of this version; run: python manage.py migrate")


if __name__ == "__main__":
    main()
