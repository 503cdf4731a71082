"""The text of an item, its chunks, and the sentence encoder against what is published of it."""

from __future__ import annotations

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from recommender.data.text import PIECES, chunked, compose, joined, version_of
from recommender.data.text_encoder import SentenceEncoder, batches
from recommender.data.text_network import folder

SENTENCES = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
"""The example of the model's page, where the first is compared with the three others: .695, .943, .257."""


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder("float32")


def test_a_text_is_what_is_known_in_a_fixed_order_without_gaps():
    told = compose(
        title="Heat",
        categories=["Crime", "Drama"],
        creators=["Michael Mann"],
        description=" A thief. ",
        attributes={"tagline": "A Los Angeles crime saga", "motto": "", "b": None},
    )
    assert told == "Heat\nCrime, Drama\nMichael Mann\nA thief.\nA Los Angeles crime saga"
    assert compose() == compose(categories=[""], description="  ") == ""


def test_the_version_changes_with_the_text():
    assert len(version_of("a")) == 32
    assert version_of("a") == version_of("a") != version_of("b")
    version_of("a lone surrogate \ud800 does no harm")


def test_chunks_are_as_equal_as_can_be_and_empty_texts_have_none():
    chunks = chunked([[1] * 7, [], [2] * 3], most=3)
    assert [len(each) for each in chunks.pieces] == [2, 2, 3, 3]
    assert chunks.texts.tolist() == [0, 0, 0, 2]


def test_chunks_weigh_by_their_word_pieces():
    chunks = chunked([[1] * 4, [], [1] * 2], most=3)  # two chunks of two pieces, none, one of two
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]], dtype=np.float32)
    found = joined(vectors, chunks, 3)
    assert found == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0.0, 0.0], [0.0, 1.0]]))


def test_batches_hold_every_chunk_once_and_little_padding():
    chunks = chunked([[1] * n for n in (5, 90, 6, 80, 7)])
    found = list(batches(chunks, most=200))
    assert found == [[1, 3], [4, 2, 0]]


def test_vectors_are_those_of_sentence_transformers(encoder: SentenceEncoder):
    texts = [*SENTENCES, "Naïve café – 東京; PRICE: $5.00", "word " * 200]
    theirs = SentenceTransformer(str(folder()), device="cpu").encode(texts)
    np.testing.assert_allclose(encoder.encode(texts), theirs, atol=2e-6)


def test_the_published_similarities_come_out(encoder: SentenceEncoder):
    vectors = encoder.encode(SENTENCES)
    assert (vectors[1:] @ vectors[0]).tolist() == pytest.approx([0.695, 0.943, 0.257], abs=0.001)


def test_bfloat16_agrees_with_float32(encoder: SentenceEncoder):
    texts = [*SENTENCES, "A thief falls in love with a detective's daughter. " * 10]
    agreement = (SentenceEncoder("bfloat16").encode(texts) * encoder.encode(texts)).sum(axis=1)
    assert agreement.min() > 0.999


def test_a_text_alone_is_encoded_as_in_company_and_long_ones_to_their_end(encoder: SentenceEncoder):
    long = "a story of the sea " * 100 + "and of a dragon " * 100
    together = encoder.encode(["short", "", long])
    assert not together[1].any()
    assert encoder.encode([long])[0] == pytest.approx(together[2], abs=1e-5)
    dragon, without = encoder.encode(["a dragon", "a story of the sea " * 200])
    assert together[2] @ dragon > without @ dragon + 0.1
    assert encoder.pieces([long]).lengths.max() <= PIECES
