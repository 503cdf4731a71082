"""Makes .venv and installs what requirements.txt pins; run by make before everything else, in isolated mode (-I).

    python3 -I recsite/environment.py [--tests]

A second run finds the stamp and returns at once. An interrupted one is repeated: packages that were half laid down are
installed anew. Two at once wait for each other. Only the standard library is used here, and syntax that an old Python
reads, so that it can say what it needs.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VENV = BASE_DIR / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--prefer-binary", "--root-user-action=ignore")


def say(line):
    """Print at once, also into a pipe."""
    print(line, flush=True)


def run(*command):
    """Run a program that ends when this one is killed; end with one line if it fails."""
    wrapper = BASE_DIR / "recsite" / "embedded" / "lifetime.py"
    guarded = [sys.executable, "-I", "-S", str(wrapper), str(int(signal.SIGKILL)), str(os.getpid()), *command]
    if subprocess.call([str(part) for part in guarded], cwd=str(BASE_DIR)):
        sys.exit("Setting up .venv failed at: {}".format(" ".join(str(part) for part in command)))


def fingerprint(files):
    """Changes with what is pinned and with the Python that runs it."""
    parts = [sys.version] + [(BASE_DIR / name).read_text(encoding="utf-8") for name in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def make_venv():
    """Make .venv if there is none that works; remove what an interrupted installation left half laid down."""
    works = PYTHON.exists() and not subprocess.call(
        [str(PYTHON), "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if not works:
        say(f"making .venv with Python {sys.version.split()[0]}")
        run(sys.executable, "-m", "venv", "--clear", VENV)
    for info in VENV.glob("lib/python*/site-packages/*.dist-info"):
        # pip writes INSTALLER once every file of a package is there.
        if not (info / "INSTALLER").exists():
            shutil.rmtree(str(info))


def install(files):
    """Install torch first (its pin then stays with the CPU build where one is offered), then the rest."""
    pip = [PYTHON, "-m", "pip", "install", *PIP_OPTIONS]
    pins = (BASE_DIR / files[0]).read_text(encoding="utf-8").splitlines()
    torch = [line.split("#")[0].strip() for line in pins if line.startswith("torch==")]
    say("installing the pinned packages of {} (some minutes the first time)".format(" and ".join(files)))
    run(*pip, *torch)
    run(*pip, *(part for name in files for part in ("-r", name)))


def main():
    if sys.version_info < OLDEST:
        found = sys.version.split()[0]
        sys.exit(f"Python 3.11 or newer is needed, this is {found}; say which one: make PYTHON=python3.12 …")
    tests = "--tests" in sys.argv
    files = ["requirements.txt"] + (["tests/requirements.txt"] if tests else [])
    stamp = VENV / ("installed-with-tests" if tests else "installed")
    with (BASE_DIR / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint(files)
        if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
            return
        make_venv()
        install(files)
        for kind in ("installed", "installed-with-tests")[: 1 + tests]:
            (VENV / kind).write_text(fingerprint(files[: 2 if kind.endswith("tests") else 1]))
        say(".venv is ready")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted; run the same command again and it continues.")
