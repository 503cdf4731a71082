"""PDF of a page that needs nothing else, by a Chromium of the system where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from recommender.exceptions import Conflict

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
SECONDS = 45
NOTHING = subprocess.DEVNULL
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing is fetched from anywhere
    "--proxy-server=http://127.0.0.1:9",
)
MISSING = (
    "A PDF needs Chromium or Chrome on the server, and none is installed. Printing the report in your browser makes "
    "the same: its style sheet knows paper."
)


def browser() -> str | None:
    """The first that the system has."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pdf_of(html: str) -> bytes:
    """The pages of `html`. Raises Conflict where there is no browser, or it fails or takes too long."""
    program = browser()
    if program is None:
        raise Conflict(MISSING)
    with tempfile.TemporaryDirectory(prefix="report-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "report.html").write_text(html, encoding="utf-8")
        _print(program, folder)
        made = folder / "report.pdf"
        if not made.exists():
            raise Conflict("Chromium made no PDF of the report; the HTML file can be printed instead.")
        return made.read_bytes()


def _print(program: str, folder: Path) -> None:
    command = [program, *QUIET, *_unconfined(), f"--user-data-dir={folder / 'profile'}",
               f"--print-to-pdf={folder / 'report.pdf'}", (folder / "report.html").as_uri()]  # fmt: skip
    try:
        subprocess.run(
            command, check=True, timeout=SECONDS, stdin=NOTHING, stdout=NOTHING, stderr=NOTHING, cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder)},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Conflict(f"Chromium took over {SECONDS} s and was stopped; print the HTML file instead.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise Conflict("Chromium could not print the report; print the HTML file instead.") from error


def _unconfined() -> tuple[str, ...]:
    """Root may run Chromium only without its sandbox; the page is ours, and holds no script."""
    return ("--no-sandbox",) if os.geteuid() == 0 else ()
