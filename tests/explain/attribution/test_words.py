from __future__ import annotations

import subprocess
import sys
from copy import copy

import numpy as np
import pytest
import torch
from django.conf import settings

from explain.attribution.game import WORD
from explain.attribution.words import Read, both_ways, similar_words
from recommender.data.text_encoder import SentenceEncoder
from recommender.data.text_network import MiniLM

ALIEN = "Alien\nA crew meets a deadly, unknown lifeform aboard its spacecraft."
THING = "The Thing: a shape-shifting alien hunts researchers."


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder("float32")


def test_words_add_up_to_the_cosine_of_the_encoders_vectors_both_ways(encoder: SentenceEncoder):
    one, other = both_ways(encoder, ALIEN, THING)
    vectors = encoder.encode([ALIEN, THING])
    for found in (one, other):
        assert found.prediction == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
        assert found.baseline_prediction < found.prediction / 2
        assert found.relative_gap <= 1e-2
        assert found.gap == pytest.approx(abs(found.values.sum() - found.prediction + found.baseline_prediction))
    assert "alien" in [other.words[at] for at in np.argsort(-other.values)[:2]]
    assert "Alien" in [one.words[at] for at in np.argsort(-one.values)[:3]]


def test_pieces_are_joined_to_words_at_their_characters(encoder: SentenceEncoder):
    text = "Zoë’s shapeshifting\n(1995)"
    read = Read.of(encoder, text)
    words = [text[a:b] for a, b in read.words]
    assert words == ["Zoë", "’", "s", "shapeshifting", "(", "1995", ")"]
    assert len(read.word_of) > len(words)  # the long word is several pieces
    assert read.word_of.tolist() == sorted(read.word_of.tolist())


def test_marks_and_padding_get_nothing_and_unknown_words_are_the_baseline(encoder: SentenceEncoder):
    read = Read.of(encoder, "Alien")
    assert read.pieces.tolist()[0][0] == read.unknown.tolist()[0][0] == 101
    assert read.unknown.tolist()[0][1:-1] == [100] * (read.pieces.shape[1] - 2)
    found = similar_words(encoder, "Alien", encoder.encode(["Alien"])[0])
    assert found.prediction == pytest.approx(1, abs=1e-5)
    assert [(unit.kind, unit.key) for unit in found.units] == [(WORD, "Alien")]
    assert found.values[0] == pytest.approx(1 - found.baseline_prediction, abs=1e-2)


def test_a_text_of_several_chunks_is_explained_as_it_is_encoded(encoder: SentenceEncoder):
    text = " ".join(["space"] * 150 + ["kitchen"] * 150)
    read = Read.of(encoder, text)
    assert len(read.pieces) == 2
    vector = read.vectors(encoder, read.begun(encoder, read.pieces))[0].numpy()
    np.testing.assert_allclose(vector, encoder.encode([text])[0], atol=1e-5)
    assert len(read.words) == 300


def test_of_an_empty_text_there_are_no_words(encoder: SentenceEncoder):
    found = similar_words(encoder, " ", encoder.encode([THING])[0])
    assert found.words == ()
    assert found.gap == 0


def test_gradients_of_coarse_numbers_are_refused(encoder: SentenceEncoder):
    coarse = copy(encoder)
    coarse.network = MiniLM().to(torch.bfloat16)
    with pytest.raises(ValueError, match="float32"):
        similar_words(coarse, ALIEN, np.ones(384, dtype=np.float32))


def test_the_library_that_published_the_encoder_is_not_imported():
    code = "import sys, explain.attribution.words; print('sentence_transformers' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
