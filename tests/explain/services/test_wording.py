"""The encoder that tells which words matter: one in a process, and no library beside torch and its tokenizer."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from explain.services import wording


def test_threads_that_ask_at_once_get_one_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[object] = []

    def slow() -> object:
        time.sleep(0.05)
        loads.append(object())
        return loads[-1]

    monkeypatch.setattr(wording, "_encoder", [])
    monkeypatch.setattr(wording, "_loaded", slow)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: wording.encoder(), range(4)))
    assert len(loads) == 1
    assert all(each is loads[0] for each in found)


def test_a_process_that_loads_the_encoder_imports_neither_sentence_transformers_nor_transformers() -> None:
    code = (
        "import sys, django; django.setup(); from explain.services.wording import encoder\n"
        "assert encoder() is encoder(); import explain.attribution.words\n"
        "print([name for name in ('sentence_transformers', 'transformers', 'shap') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
