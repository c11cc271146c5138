"""A real HTTP server in a thread answers as an embeddings endpoint does, and as one that is in trouble."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from mtrec_django.representation.encoders import HashingEncoder, load_encoder
from mtrec_django.representation.endpoint import EncodingFailed, EndpointEncoder

from .conformance import TextEncoderTests


@dataclass
class Endpoint:
    """Answers with hashed words, unless `troubles` has something to say first."""

    address: str = ""
    troubles: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def answer(self, question: dict[str, Any]) -> bytes:
        vectors = 3 * HashingEncoder(32).encode(question["input"])
        rows = [{"index": at, "embedding": row.tolist()} for at, row in enumerate(vectors)]
        return json.dumps({"data": rows[::-1]}).encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Endpoint]:
    told = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append({"path": self.path, **question})
            told.keys.append(self.headers.get("Authorization"))
            status, headers, body = told.troubles.pop(0) if told.troubles else (200, {}, told.answer(question))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        told.address = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield told
        http.shutdown()
        thread.join()


@pytest.fixture
def endpoint(server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for record in (server.troubles, server.asked, server.keys):
        record.clear()
    return server


def made(endpoint: Endpoint, **options: Any) -> EndpointEncoder:
    return EndpointEncoder("small", address=endpoint.address, first_wait=0.001, **options)


class TestConformance(TextEncoderTests):
    @pytest.fixture
    def encoder(self, endpoint: Endpoint) -> EndpointEncoder:
        return made(endpoint, batch_size=3)


def test_texts_are_sent_in_batches_and_come_back_in_order(endpoint: Endpoint) -> None:
    texts = ["red candle", "", "blue lamp", "garden hose"]
    rows = made(endpoint, batch_size=2).encode(texts)
    np.testing.assert_allclose(rows, HashingEncoder(32).encode(texts), atol=1e-6)
    assert [question["input"] for question in endpoint.asked[1:]] == [["red candle", "blue lamp"], ["garden hose"]]
    assert {(question["path"], question["model"]) for question in endpoint.asked} == {("/v1/embeddings", "small")}


def test_the_key_comes_from_the_environment_and_is_kept_nowhere(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = made(endpoint)
    monkeypatch.setenv("OPENAI_API_KEY", "top-secret")
    encoder.encode(["lamp"])
    assert set(endpoint.keys) == {"Bearer top-secret"}
    assert "top-secret" not in repr(vars(encoder))
    endpoint.troubles.append((401, {}, b"{}"))
    with pytest.raises(EncodingFailed, match="401") as refused:
        encoder.encode(["lamp"])
    assert "top-secret" not in str(refused.value)


@pytest.mark.parametrize("trouble", [(429, {"Retry-After": "0"}, b""), (503, {}, b"busy"), (200, {}, b"<html>")])
def test_it_is_asked_again_after_a_passing_trouble(endpoint: Endpoint, trouble: Any) -> None:
    endpoint.troubles += [trouble, trouble]
    assert made(endpoint).encode(["lamp"]).any()
    assert len(endpoint.asked) == 4  # two failures, the width, the text


def test_a_lasting_trouble_is_told(endpoint: Endpoint) -> None:
    endpoint.troubles += [(500, {}, b"")] * 3
    with pytest.raises(EncodingFailed, match="500"):
        made(endpoint, tries=3).encode(["lamp"])
    assert len(endpoint.asked) == 3


def test_a_refusal_is_not_repeated(endpoint: Endpoint) -> None:
    endpoint.troubles += [(400, {}, b"")]
    with pytest.raises(EncodingFailed, match="400"):
        made(endpoint).encode(["lamp"])
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"data": []}', b'{"data": [{"index": 0, "embedding": "x"}]}'])
def test_an_answer_without_vectors_is_an_error(endpoint: Endpoint, body: bytes) -> None:
    endpoint.troubles += [(200, {}, body)]
    with pytest.raises(EncodingFailed, match="answered"):
        made(endpoint).encode(["lamp"])


def test_an_endpoint_that_is_not_there_is_told() -> None:
    with pytest.raises(EncodingFailed, match="cannot be asked"):
        EndpointEncoder("small", address="http://127.0.0.1:9/v1", tries=2, first_wait=0.001).encode(["lamp"])


def test_a_setting_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://models.example/v1/")
    assert load_encoder("openai:embed-small").name == "models.example/embed-small"
    with pytest.raises(ValueError, match="no address"):
        EndpointEncoder("small", address="file:///etc")
