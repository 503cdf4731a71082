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
import torch
from pytorch_lightning import Callback, Trainer, seed_everything
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


class Watch(Callback):
    """Asks the model after every `step` epochs and keeps the seconds that training alone has taken.

    What it knows is on the class: the model copies its trainer, callbacks included, before it trains.
    """

    ask, step, seconds, found, started = None, 1, [], [], 0.0

    def on_train_epoch_end(self, trainer, pl_module):
        paused = time.perf_counter()
        if (trainer.current_epoch + 1) % Watch.step == 0:
            Watch.seconds.append(paused - Watch.started)
            random = torch.get_rng_state()
            Watch.found.append(Watch.ask())
            torch.set_rng_state(random)
            pl_module.train()
            print(f"epoch {trainer.current_epoch + 1}: {Watch.seconds[-1]:.0f} s", flush=True)
        Watch.started += time.perf_counter() - paused


def trainer_of(epochs):
    """RecTools' own trainer, which also tells Watch."""
    return Trainer(
        max_epochs=epochs, min_epochs=epochs, deterministic=True, enable_progress_bar=False,
        enable_model_summary=False, logger=False, enable_checkpointing=False, devices=1, callbacks=[Watch()],
    )  # fmt: skip


def main(rows, answer, seed, epochs, step):
    given = np.load(rows)
    data = dataset(given["users"], given["items"])
    seed_everything(seed)
    watched = {"get_trainer_func": lambda: trainer_of(epochs)} if step < epochs else {}
    model = SASRecModel(epochs=epochs, verbose=0, deterministic=True, **SIZE, **watched)

    def ask():
        model.is_fitted = True  # it will be once this training is over
        return lists(model, data, given["asked"])

    Watch.ask, Watch.step, Watch.started = ask, step, time.perf_counter()
    model.fit(data)
    if step == epochs:
        Watch.seconds.append(time.perf_counter() - Watch.started)
        Watch.found.append(ask())
    np.savez(answer, seconds=np.array(Watch.seconds), lists=np.stack(Watch.found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
