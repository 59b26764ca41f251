"""The chat provider answers for as long as a run needs it, at an address of the company's own."""

import socket
from pathlib import Path

import pytest
import requests

from orchestration.demo_company.catalog import write_catalog
from orchestration.demo_company.company import DemoError, create
from orchestration.demo_company.servers import chat_address, demo_servers, served_company


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    company = tmp_path_factory.mktemp("served") / "company"
    create(company, customers=50, days=60, seed=3)
    write_catalog(company)
    return company


def test_it_answers_inside_the_block_and_nowhere_else(folder: Path) -> None:
    address = chat_address(folder)
    ask = {"url": f"{address.url}/v1/messages", "headers": {"Authorization": f"Bearer {address.token}"}, "timeout": 5}
    with demo_servers(folder):
        answer = requests.get(**ask)
        assert answer.status_code == 200
        assert answer.json()["messages"]
    with pytest.raises(requests.ConnectionError):
        requests.get(**ask)


def test_the_catalog_of_the_company_names_its_address(folder: Path) -> None:
    address = chat_address(folder)
    text = (folder / "catalog.yaml").read_text()
    assert address.url in text
    assert address.token in text
    assert served_company(folder / "catalog.yaml") == folder


def test_two_companies_do_not_answer_for_each_other(folder: Path, tmp_path: Path) -> None:
    assert chat_address(folder) == chat_address(folder)
    assert chat_address(folder).token != chat_address(tmp_path).token


def test_another_catalog_starts_no_server(tmp_path: Path) -> None:
    assert served_company(tmp_path / "catalog.yaml") is None


def test_a_port_that_is_taken_is_told_in_a_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", chat_address(folder).port))
        other.listen()
        with pytest.raises(DemoError, match="end the program that uses the port"), demo_servers(folder):
            pass
