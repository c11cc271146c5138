"""The OpenAPI document: complete, valid, and true."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.validation import validate_schema

from .conftest import API, MOUNTED


@pytest.fixture
def schema(client: Client) -> Any:
    response = client.get(f"{MOUNTED}/schema/")
    assert response.status_code == 200
    return yaml.safe_load(response.content)


def test_it_is_valid_and_holds_every_operation(schema: Any) -> None:
    validate_schema(schema)
    operations = {(path, method): one for path, ways in schema["paths"].items() for method, one in ways.items()}
    assert sorted(operations) == [
        (f"{API}/feedback/", "post"),
        (f"{API}/items/{{source}}/{{lookup}}/similar/", "get"),
        (f"{API}/scenarios/", "get"),
        (f"{API}/scenarios/{{name}}/rank/", "post"),
        (f"{API}/scenarios/{{name}}/recommendations/", "get"),
        (f"{API}/tokens/", "post"),
        (f"{API}/visitor/", "delete"),
        (f"{API}/visitor/", "get"),
        (f"{API}/visitors/similar/", "get"),
    ]
    ids = [one["operationId"] for one in operations.values()]
    assert len(set(ids)) == len(ids)


def test_every_operation_documents_its_problems_and_an_example(schema: Any) -> None:
    for ways in schema["paths"].values():
        for operation in ways.values():
            assert {"401", "403", "406", "429", "503"} <= operation["responses"].keys()
            for status, answer in operation["responses"].items():
                if status == "304":
                    continue
                wanted = "application/json" if status.startswith("2") else "application/problem+json"
                assert list(answer["content"]) == [wanted]
    lists = schema["paths"][f"{API}/scenarios/{{name}}/recommendations/"]["get"]
    assert lists["responses"]["200"]["content"]["application/json"]["examples"]
    feedback = schema["paths"][f"{API}/feedback/"]["post"]
    assert len(feedback["requestBody"]["content"]["application/json"]["examples"]) == 4
    assert len(schema["components"]["schemas"]["FeedbackOneOrMany"]["oneOf"]) == 3


def test_generating_it_warns_of_nothing(tmp_path: Any) -> None:
    target = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert f"{API}/feedback/" in yaml.safe_load(target.read_text())["paths"]


def test_it_can_be_had_as_json(client: Client) -> None:
    response = client.get(f"{MOUNTED}/schema/", {"format": "json"})
    assert json.loads(response.content)["info"]["title"] == "Recommendations"


def test_the_package_needs_no_rest_framework_where_the_api_is_not_mounted() -> None:
    code = (
        "import sys; sys.modules['rest_framework'] = None; sys.modules['drf_spectacular'] = None;"
        "import django; from django.conf import settings;"
        "settings.configure(INSTALLED_APPS=['django.contrib.admin', 'django.contrib.auth', 'django.contrib.messages',"
        " 'django.contrib.contenttypes', 'django.contrib.sessions', 'mtrec_django']);"
        "django.setup(); import mtrec_django.api, mtrec_django.admin, mtrec_django.urls, mtrec_django.testing"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
