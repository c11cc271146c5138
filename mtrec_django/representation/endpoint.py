"""Text vectors from an embeddings endpoint as OpenAI, vLLM, Ollama and others offer it. Standard library and numpy."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ..dataset import Floats
from .batches import OnBatch

KEY = "OPENAI_API_KEY"
ADDRESS = "OPENAI_BASE_URL"
USUAL_ADDRESS = "https://api.openai.com/v1"

AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Answers after which the same question may be asked again."""

LONGEST_WAIT = 60.0
"""Seconds between two tries at most, whatever the endpoint asks for."""


class EncodingFailed(RuntimeError):
    """The endpoint refuses, or does not answer however often it is asked."""


class EndpointEncoder:
    """A model behind `POST {address}/embeddings`.

    The key is read from the environment (`OPENAI_API_KEY`) at each request and kept nowhere; `OPENAI_BASE_URL` names
    another endpoint than OpenAI's own.
    """

    def __init__(
        self,
        model: str,
        *,
        address: str | None = None,
        batch_size: int = 128,
        longest: int = 16_000,
        timeout: float = 60.0,
        tries: int = 6,
        first_wait: float = 1.0,
    ) -> None:
        """`longest`: characters of a text that are sent; `timeout`: seconds; `first_wait` doubles from try to try.

        Raises:
            ValueError: when the address is none of http or https.
        """
        self.model = model
        self.address = (address or os.environ.get(ADDRESS) or USUAL_ADDRESS).rstrip("/")
        if urlsplit(self.address).scheme not in {"http", "https"}:
            raise ValueError(f"{self.address!r} is no address of an endpoint")
        self.batch_size, self.longest = batch_size, longest
        self.timeout, self.tries, self.first_wait = timeout, tries, first_wait
        self._width = 0

    @property
    def name(self) -> str:
        return f"{urlsplit(self.address).netloc}/{self.model}"

    @property
    def width(self) -> int:
        if not self._width:
            self._embed(["width"])
        return self._width

    def encode(self, texts: Sequence[str], *, on_batch: OnBatch | None = None) -> Floats:
        """One row a text, unit length; empty texts are not sent.

        Raises:
            EncodingFailed: when the endpoint refuses, or answers something else than vectors.
        """
        spoken = [row for row, text in enumerate(texts) if text.strip()]
        out = np.zeros((len(texts), self.width), np.float32)
        for first in range(0, len(spoken), self.batch_size):
            rows = spoken[first : first + self.batch_size]
            out[rows] = self._embed([texts[row][: self.longest] for row in rows])
            if on_batch is not None:
                on_batch(first + len(rows), len(spoken))
        return out

    def _embed(self, texts: list[str]) -> Floats:
        answer = self._ask({"model": self.model, "input": texts, "encoding_format": "float"})
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise EncodingFailed(f"{self.name} answered no vectors") from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or self._width not in (0, vectors.shape[1]):
            raise EncodingFailed(f"{self.name} answered {vectors.shape} for {len(texts)} texts")
        self._width = vectors.shape[1]
        return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)

    def _ask(self, question: dict[str, Any]) -> Any:
        wait = self.first_wait
        for left in range(self.tries - 1, -1, -1):
            try:
                return self._post(question)
            except urllib.error.HTTPError as error:
                with error:
                    cause, may_wait = f"{error.code} {error.reason}", error.headers.get("Retry-After", "")
                if error.code not in AGAIN or not left:
                    raise EncodingFailed(f"{self.name} answered {cause}") from None
            except (OSError, HTTPException, ValueError) as error:  # unreachable, timed out, cut off, or no JSON
                may_wait = ""
                if not left:
                    raise EncodingFailed(f"{self.name} cannot be asked: {error}") from error
            time.sleep(min(LONGEST_WAIT, float(may_wait) if may_wait.isdigit() else wait))
            wait *= 2
        raise EncodingFailed(f"{self.name} was not asked")

    def _post(self, question: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        data = json.dumps(question).encode()
        request = urllib.request.Request(f"{self.address}/embeddings", data, headers)  # noqa: S310  checked when made
        with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
            return json.load(answer)
