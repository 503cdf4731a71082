"""Embedded PostgreSQL (with pgvector) and Redis from the binaries of two wheels: no container, no system package.

`addresses(data_dir)` says where they are without starting anything; `running(data_dir)` has them answer while a block
runs, shared with every other process that asks; `Supervisor` (supervisor.py) also keeps the web process, the workers
and beat. Nothing here imports Django, so that settings can ask for the addresses.
"""

from recsite.embedded.places import Addresses, EmbeddedError, addresses, places
from recsite.embedded.servers import Options, wait_for
from recsite.embedded.sharing import Held, running, wanted_by

__all__ = ["Addresses", "EmbeddedError", "Held", "Options", "addresses", "places", "running", "wait_for", "wanted_by"]
