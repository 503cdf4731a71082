"""RecTools' SASRec, trained and asked in a process of its own; run by the Python of its own virtual environment.

    python peer_rectools.py ROWS.npz ANSWER.npz SEED EPOCHS STEP

ROWS.npz holds `users`, `items` (rows, oldest first within a person) and `asked` (people). ANSWER.npz receives, after
every STEP epochs and at the end, the ten best items not yet met of each of `asked` (`lists`, times × people × 10, −1
where there are fewer) and the `seconds` of training until then; recommending in between is not counted. Of the
project nothing is imported here.
"""

import sys
import time

import numpy as np
import pandas as pd
from pytorch_lightning import seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

SIZE = {"session_max_len": 100, "n_factors": 128, "n_blocks": 2, "loss": "softmax"}
"""All else is RecTools' default."""


def dataset(users, items):
    """Times are places in the file, so that no sort can change the order of what happened at once."""
    moments = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(users)), unit="s")
    columns = {Columns.User: users, Columns.Item: items, Columns.Weight: 1.0, Columns.Datetime: moments}
    return Dataset.construct(pd.DataFrame(columns))


def lists(model, data, asked):
    """(people, 10) the best items that each of `asked` has not met, best first."""
    told = model.recommend(users=asked, dataset=data, k=10, filter_viewed=True)
    found = np.full((len(asked), 10), -1, dtype=np.int64)
    places = pd.Series(np.arange(len(asked)), index=asked)
    found[places[told[Columns.User]].to_numpy(), told[Columns.Rank].to_numpy() - 1] = told[Columns.Item].to_numpy()
    return found


def main(rows, answer, seed, epochs, step):
    given = np.load(rows)
    data = dataset(given["users"], given["items"])
    seed_everything(seed)
    model = SASRecModel(epochs=epochs, verbose=0, deterministic=True, **SIZE)
    taken, seconds, found = 0.0, [], []
    for done in range(step, epochs + 1, step):
        started = time.perf_counter()
        if step == epochs:
            model.fit(data)
        else:
            model.fit_partial(data, min_epochs=step, max_epochs=step)
        taken += time.perf_counter() - started
        seconds.append(taken)
        found.append(lists(model, data, given["asked"]))
        print(f"epoch {done}: {taken:.0f} s", flush=True)
    np.savez(answer, seconds=np.array(seconds), lists=np.stack(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
