"""What every test can ask for: real servers of the session's own, data sets, a real Celery worker, a browser.

The session has a data folder of its own, made before settings are read: no test ever touches a developer's data.
pyproject.toml names no settings module for the same reason: pytest-django would read the settings before this file.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import hypothesis
import pytest

from recsite import embedded

if "recsite.settings" in sys.modules:
    raise pytest.UsageError("settings were read before tests/conftest.py; unset DJANGO_SETTINGS_MODULE and drop --ds")
PREFIX = "recsite-tests-"
SETTINGS_OF_SERVERS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "HTTPS", "DEBUG", "ALLOWED_HOSTS")


def own_folder() -> Path:
    """A folder for this session, held by a lock; those of sessions that were killed are removed."""
    for left in Path("/tmp").glob(f"{PREFIX}*"):
        try:
            with (left / "alive").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    folder.chmod(0o711)  # root's servers run as another account
    return folder


# The same examples in every run: a failure belongs to the change under test, whatever machine asks.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

SESSION = own_folder()
_alive = (SESSION / "alive").open("w")
fcntl.flock(_alive, fcntl.LOCK_EX)
atexit.register(shutil.rmtree, SESSION, ignore_errors=True)
for name in SETTINGS_OF_SERVERS:
    os.environ.pop(name, None)
os.environ["DATA_DIR"] = str(SESSION / "data")
os.environ["DJANGO_SETTINGS_MODULE"] = "recsite.settings"
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.core.cache import cache  # noqa: E402

from tests.support import Browsers, Worker, processes_of  # noqa: E402

PBKDF2PasswordHasher.iterations = 1  # passwords of tests need not be hard to guess, and there are a thousand of them
settings.WHITENOISE_AUTOREFRESH = True  # else each of a thousand clients looks through all static files first


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Before worker processes start: each reads this file anew, and makes a folder and servers of its own."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    os.environ.pop("DATA_DIR", None)


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[embedded.Held]:
    """PostgreSQL and Redis of this session; they end with it even when it is killed."""
    options = embedded.Options(durable=False, tied=True)
    with embedded.running(settings.DATA_DIR, options=options) as held:
        yield held


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: embedded.Held) -> None:
    """The test database is made once the servers answer."""


@pytest.fixture(autouse=True)
def empty_cache(servers: embedded.Held) -> None:
    """No test sees what another one cached or how often it called."""
    cache.clear()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A new folder that every account may enter, as /tmp itself; nothing may run on it when the test ends."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir=SESSION))
    folder.chmod(0o711)
    yield folder
    left = processes_of(folder)
    for process in left:
        process.kill()
    assert not left, f"processes were left behind: {left}"


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real data sets."""
    if settings.DATASETS_DIR is None or not settings.DATASETS_DIR.is_dir():
        pytest.skip("needs real data sets: set DATASETS_DIR to a folder that holds ml-100k, ml-1m and so on")
    return settings.DATASETS_DIR


@pytest.fixture(scope="session")
def ml_100k(datasets: Path) -> Path:
    """The folder of MovieLens-100K as GroupLens publishes it."""
    if not (datasets / "ml-100k" / "u.data").is_file():
        pytest.skip(f"needs MovieLens-100K in {datasets / 'ml-100k'}")
    return datasets / "ml-100k"


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts real Celery workers on the test database: `worker()` returns when it answers; see support.Worker."""
    started: list[Worker] = []

    def start(queues: str = "training,default", include: str = "recsite", **environment: str) -> Worker:
        one = Worker(queues, tmp_path / f"worker-{len(started)}.log", environment, include)
        started.append(one)
        one.wait_until_ready()
        return one

    yield start
    for one in started:
        one.kill()


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    """The system's Chromium, once for the session; skips where there is none, unless REQUIRE_BROWSER is set."""
    path = Browsers.find()
    if path is None:
        reason = "needs Chromium: install the system's package `chromium`, or set CHROMIUM to its path"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's synchronous interface keeps an event loop in this thread, which Django would take for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with Browsers(path) as opened:
            yield opened


@pytest.fixture
def browser(browsers: Browsers) -> object:
    """Playwright's Browser; `browser.new_context()` gives a fresh profile, closed with the test."""
    yield browsers.browser
    for context in list(browsers.browser.contexts):
        context.close()
