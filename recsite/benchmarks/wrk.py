"""Load over HTTP by `wrk`, which takes so little of the machine that what is measured is the server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from recommender.exceptions import Conflict

SCRIPT = r"""
local key, share, pause, seed = os.getenv("KEY"), tonumber(os.getenv("SHARE")), tonumber(os.getenv("PAUSE")), 0
local function lines(name)
    local found = {}
    for line in io.lines(name) do found[#found + 1] = line end
    return found
end
-- ids come percent-encoded, as they stand in an address; in JSON they are written as they are
local function written(id)
    local plain = string.gsub(id, "%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end)
    local escaped = string.gsub(plain, '[%c"\\]', function(char) return string.format("\\u%04x", char:byte()) end)
    return '"' .. escaped .. '"'
end
local people, items = lines(os.getenv("PEOPLE")), lines(os.getenv("ITEMS"))
math.randomseed(tonumber(os.getenv("SEED")))
function request()
    local person = people[math.random(#people)]
    if math.random() < share then
        local item = written(items[math.random(#items)])
        local event = string.format('{"user": %s, "item": %s, "kind": "view"}', written(person), item)
        local headers = {["X-API-Key"] = key, ["Content-Type"] = "application/json"}
        return wrk.format("POST", "/api/v1/events/", headers, event)
    end
    local path = "/api/v1/users/" .. person .. "/recommendations/"
    return wrk.format("GET", path, {["X-API-Key"] = key})
end
if pause > 0 then
    function delay() return math.floor(-pause * math.log(1 - math.random()) + .5) end
end
function done(summary, latency)
    local errors = summary.errors
    io.stderr:write(string.format('{"calls": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "errors": %d}',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""
EMPTY = 'wrk.path = "/health/live"\n' + SCRIPT[SCRIPT.index("function done") :]


@dataclass(frozen=True)
class Load:
    """What was measured: calls a second, milliseconds, and how many calls went wrong."""

    rate: float
    p50_ms: float
    p99_ms: float
    calls: int

    def row(self, what: str) -> dict[str, object]:
        return {"what": what, "a second": round(self.rate), "p50 ms": round(self.p50_ms, 1),
                "p99 ms": round(self.p99_ms, 1)}  # fmt: skip


@dataclass
class Driver:
    """`people` and `items` are client ids; `key` may write. Raises Conflict where a call goes wrong."""

    address: str
    key: str
    people: list[str]
    items: list[str]
    connections: int = 8
    seed: int = 1

    @staticmethod
    def there() -> bool:
        return shutil.which("wrk") is not None

    def recommendations(self, seconds: float, *, events: float = 0.0, pause_ms: float = 0.0) -> Load:
        """Uniformly random people; a share `events` of the calls sends an event instead. Each connection waits
        `pause_ms` (exponentially distributed, in the mean) between its calls; the wait is no part of the latency."""
        return self._run(SCRIPT, seconds, SHARE=f"{events}", PAUSE=f"{pause_ms}")

    def empty(self, seconds: float) -> Load:
        """The empty view of the same server, through the same middleware."""
        return self._run(EMPTY, seconds)

    def _run(self, script: str, seconds: float, **given: str) -> Load:
        self.seed += 1
        with tempfile.TemporaryDirectory() as place:
            for name, ids in (("people", self.people), ("items", self.items)):
                Path(place, name).write_text("\n".join(quote(each, safe="") for each in ids))
            Path(place, "script.lua").write_text(script)
            files = {"PEOPLE": f"{place}/people", "ITEMS": f"{place}/items", "KEY": self.key, "SEED": str(self.seed)}
            command = [
                "wrk",
                "-t1",
                f"-c{self.connections}",
                f"-d{seconds:.0f}s",
                "--timeout",
                "30s",
                "-s",
                f"{place}/script.lua",
            ]
            done = subprocess.run(
                [*command, self.address], env=os.environ | files | given, capture_output=True, text=True, check=False
            )
        try:
            found = json.loads(done.stderr[done.stderr.index("{") :])
        except ValueError:
            raise Conflict(f"wrk did not run: {(done.stderr or done.stdout)[-300:]}") from None
        if found["errors"]:
            raise Conflict(f"{found['errors']} of {found['calls']} calls went wrong.")
        return Load(found["calls"] / found["seconds"], found["p50_ms"], found["p99_ms"], found["calls"])
