"""Ending with one's parent, however that ends (Linux; elsewhere a parent killed by force leaves its children).

As a program: `python lifetime.py SIGNAL PARENT COMMAND…` becomes COMMAND, which gets SIGNAL when PARENT ends.
Only the standard library's few modules are imported here, so that it costs some milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGKILL, parent: int | None = None) -> None:
    """Ask the kernel to send this process `number` when its parent ends.

    With `parent` given, ends at once if that is no longer the parent.
    """
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
