"""Accuracy on data sets whose truth is known; the full report is tests/benchmarks/identity_report.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from identity import datasets
from identity.conftest import warehouse
from identity.measures import accuracy

from examples.veloheld.generator.company import create
from orchestration.identity.linking import link_records


def test_measures_match_a_hand_calculation() -> None:
    """Truth {1 2 3} {4 5}, found {1 2} {3 4 5}: 2 of 4 true pairs, 2 of 4 found ones are right."""
    connection = warehouse()
    connection.execute("""
        create table truth as
            select * from (values ('s','1','a'),('s','2','a'),('s','3','a'),('s','4','b'),('s','5','b'))
            as t(source_system, source_record_id, person);
        create table found as select * from (values ('s','1',7),('s','2',7),('s','3',8),('s','4',8),('s','5',8))
            as t(source_system, source_record_id, customer_id);
    """)
    found = accuracy(connection, "found")
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    # Per record, precision 1 1 1/3 2/3 2/3 and recall 2/3 2/3 1/3 1 1.
    assert found.b_cubed_precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert found.b_cubed_recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)


@pytest.mark.skipif(datasets.FEBRL is None, reason="FEBRL is not there: make .venv-reference/installed brings it")
@pytest.mark.parametrize(("number", "least"), [(3, 0.9995), (4, 0.999)])
def test_febrl_is_linked(number: int, least: float) -> None:
    connection = warehouse()
    datasets.febrl(connection, number)
    assert accuracy(connection, link_records(connection, "records").assignments).f1 >= least


@pytest.mark.skipif(not datasets.CONTOSO.is_dir(), reason="Contoso is not there: see CONTEXT360_CONTOSO_DATA in README")
def test_contoso_is_linked_without_email() -> None:
    connection = warehouse()
    datasets.contoso(connection, with_email=False)
    assert accuracy(connection, link_records(connection, "records").assignments).f1 >= 0.9998


def test_demo_company_is_linked_and_relatives_are_kept_apart(tmp_path: Path) -> None:
    create(tmp_path / "demo", customers=2_000, days=400, seed=11)
    connection = warehouse()
    datasets.demo(connection, tmp_path / "demo")
    found = accuracy(connection, link_records(connection, "records", identifiers=None).assignments)
    assert found.precision >= 0.985
    assert found.recall >= 0.96


def test_people_with_one_record_stay_unlinked() -> None:
    connection = warehouse()
    datasets.synthetic(connection, 3_000, mean_records=1.0, seed=5)
    result = link_records(connection, "records")
    assert result.customers >= 2_998


def test_names_and_towns_alone_suffice_for_learning() -> None:
    """Without birth dates the errors of names are learned from people of one given name."""
    connection = warehouse()
    datasets.synthetic(connection, 3_000, mean_records=2, seed=9, missing=0.05, errors=0.2)
    for column in ("birth_date", "email", "phone", "street", "house_number"):
        connection.execute(f"update records set {column} = null")
    found = accuracy(connection, link_records(connection, "records").assignments)
    assert found.precision >= 0.9
    assert found.recall >= 0.5
