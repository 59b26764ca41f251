"""The chat provider answers during a run, at the address in the company's catalog."""

import shutil
import socket
from pathlib import Path

import pytest
import requests

from examples.veloheld.generator import create, write_catalog
from orchestration.channels.catalog import Catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.services import ServiceError, running_services
from orchestration.firm.folder import firm_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    company = tmp_path_factory.mktemp("served") / "company"
    create(company, customers=50, days=60, seed=3)
    write_catalog(company)
    return company


def running(folder: Path):
    catalog = _catalog(folder)
    project = firm_folder(folder / "catalog.yaml", catalog.project).path
    return running_services(catalog.services, catalog_folder=folder, project_folder=project)


def _catalog(folder: Path) -> Catalog:
    return load_catalog(folder / "catalog.yaml", {})


def _question(folder: Path) -> dict:
    chat = _catalog(folder).systems["chat"]
    token = chat.token.get_secret_value()
    return {"url": f"{chat.base_url}/v1/messages", "headers": {"Authorization": f"Bearer {token}"}, "timeout": 5}


def test_server_answers_inside_the_block_only(folder: Path) -> None:
    with running(folder):
        answer = requests.get(**_question(folder))
        assert answer.status_code == 200
        assert answer.json()["messages"]
    with pytest.raises(requests.ConnectionError):
        requests.get(**_question(folder))


def test_moved_company_keeps_its_port_and_answers(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert str(folder) not in (moved / "catalog.yaml").read_text()
    write_catalog(moved)
    assert _question(moved) == _question(folder)
    with running(moved):
        assert requests.get(**_question(moved)).json()["messages"]


def test_two_companies_do_not_answer_for_each_other(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create(other, customers=50, days=60, seed=3)
    write_catalog(other)
    ours, theirs = _catalog(folder).systems["chat"], _catalog(other).systems["chat"]
    assert ours.token.get_secret_value() != theirs.token.get_secret_value()


def test_taken_port_of_the_chat_provider_is_reported_in_a_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", _catalog(folder).services["chat_provider"].port))
        other.listen()
        with pytest.raises(ServiceError, match="end the program that uses the port"), running(folder):
            pass
