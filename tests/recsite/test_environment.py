"""Setting up .venv: what make runs before everything else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from tests.support import until


class Checkout:
    """A small checkout of its own whose only requirement is a wheel that lies in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("recsite/environment.py", "recsite/embedded/lifetime.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text((settings.BASE_DIR / name).read_text())
        (folder / "requirements.txt").write_text("torch==1  # the only one\n")
        self.command = [sys.executable, "-I", str(folder / "recsite" / "environment.py")]
        self.environment = os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
        info = "torch-1.dist-info"
        with zipfile.ZipFile(folder / "torch-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr("torch.py", "here = True\n")
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 1\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", f"torch.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")

    def set_up(self) -> str:
        """Run the set-up; what it printed."""
        return subprocess.run(
            self.command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        ).stdout

    def site(self) -> Path:
        (found,) = self.folder.glob(".venv/lib/python*/site-packages")
        return found

    def works(self) -> bool:
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.run([python, "-c", "import torch; assert torch.here"], check=False).returncode == 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_second_run_has_nothing_to_do_and_a_changed_pin_has(checkout: Checkout) -> None:
    assert ".venv is ready" in checkout.set_up()
    assert checkout.works()
    assert checkout.set_up() == ""
    (checkout.folder / "requirements.txt").write_text("torch==2\n")  # which nobody offers
    with pytest.raises(subprocess.CalledProcessError) as caught:
        checkout.set_up()
    assert caught.value.stdout.splitlines()[-1].startswith("Setting up .venv failed at: ")
    (checkout.folder / "requirements.txt").write_text("torch==1\n")
    assert ".venv is ready" in checkout.set_up()


def test_an_interrupted_installation_is_repeated(checkout: Checkout) -> None:
    first = subprocess.Popen(checkout.command, env=checkout.environment, stdout=subprocess.DEVNULL)
    until((checkout.folder / ".venv" / "bin" / "python").exists, what="a half-made .venv")
    first.kill()
    first.wait()
    checkout.set_up()
    # What pip leaves when it is killed between two files of a package: the package without its last files.
    (checkout.site() / "torch.py").unlink()
    (checkout.site() / "torch-1.dist-info" / "INSTALLER").unlink()
    (checkout.folder / ".venv" / "installed").unlink()
    checkout.set_up()
    assert checkout.works()


def test_an_old_python_is_told_what_is_needed(checkout: Checkout) -> None:
    script = f"import sys; sys.version_info = (3, 9); sys.argv[0] = {checkout.command[-1]!r}; import runpy; "
    done = subprocess.run(
        [sys.executable, "-c", script + "runpy.run_path(sys.argv[0], run_name='__main__')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.11 or newer is needed")
