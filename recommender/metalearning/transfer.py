"""Starting from weights that were learned on another catalog: what reads texts means the same there as here."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn


def begin(
    net: nn.Module,
    given: Mapping[str, Tensor],
    *,
    reading: Mapping[str, int],
    own: Collection[str] = (),
    left: Collection[str] = (),
) -> None:
    """Give `net` the weights `given` of a network like it, in place.

    `reading`: layers by name whose last so many columns read what both catalogs have (texts): these columns are taken,
    the others begin at 0, so that at first the network says what the given one would. `own`: beginnings of the names
    of parameters that read what only this catalog has; they begin at 0 too. `left`: those that stay as they are. All
    else is taken as it is. Raises ValueError where a shape differs.
    """
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if any(name.startswith(each) for each in left):
                continue
            if any(name.startswith(each) for each in own):
                weight.zero_()
            elif name in reading:
                columns = reading[name]
                if len(given[name]) != len(weight):
                    raise ValueError(name)
                weight.zero_()
                weight[:, weight.shape[1] - columns :] = given[name][:, given[name].shape[1] - columns :]
            elif name not in given or given[name].shape != weight.shape:
                raise ValueError(name)
            else:
                weight.copy_(given[name])
