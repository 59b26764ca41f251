"""The catalog reports each fault in one line, and never shows a secret."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestration.channels.catalog import DatabaseSystem, FileStream, TableStream
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.errors import CatalogError

CONTOSO = Path(__file__).parents[2] / "examples/contoso/catalog.yaml"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "firm.yaml"
    path.write_text(text)
    return path


def faults(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(write(tmp_path, text), environment or {})
    return str(caught.value).splitlines()


FILES = "catalog: firm\nsystems:\n  shop:\n    connector: files\n    location: in\n    streams:\n      contacts: "


def test_contoso_catalog_lists_the_seven_files(tmp_path: Path) -> None:
    catalog = load_catalog(CONTOSO, {"CONTEXT360_CONTOSO_DATA": str(tmp_path)})
    labels = [stream.label for _, stream in catalog.streams()]
    assert labels == [
        "shop/contacts",
        "shop/online_purchases",
        "shop/reviews",
        "loyalty/members",
        "loyalty/pos_purchases",
        "crm/contacts",
        "hotel/stays",
    ]
    assert catalog.as_of == date(2019, 5, 25)
    assert {system.staging_folder for system, _ in catalog.streams()} == {
        "shop",
        "loyalty",
        "crm",
        "hotel",
    }


def test_location_is_relative_to_the_catalog_file_and_adapter_defaults_to_the_system(tmp_path: Path) -> None:
    catalog = load_catalog(write(tmp_path, FILES + "{path: a.csv, format: csv, cadence: 15m}\n"), {})
    system, stream = next(catalog.streams())
    assert system.location == str(tmp_path / "in")  # type: ignore[union-attr]
    assert (system.staging_folder, stream.label, stream.cadence) == ("shop", "shop/contacts", timedelta(minutes=15))


def test_wrong_value_names_the_place_and_what_is_allowed(tmp_path: Path) -> None:
    assert faults(tmp_path, FILES + "{path: a.xls, format: xls}\n") == [
        "firm.yaml: system shop, stream contacts, field format: 'xls' is not one of csv, jsonl, parquet"
    ]


def test_each_fault_has_its_own_line(tmp_path: Path) -> None:
    lines = faults(tmp_path, FILES + "{path: a.csv, fromat: csv, cadence: daily, key: [Contact Id]}\n")
    assert lines == [
        "firm.yaml: system shop, stream contacts, field key.0: 'Contact Id' is not a landed column name; write it in "
        "snake_case, as in contact_id",
        "firm.yaml: system shop, stream contacts, field cadence: 'daily' is not a duration; write a number and m, h, d "
        "or w, as in 15m, 1h or 7d",
        "firm.yaml: system shop, stream contacts, field format: is required",
        "firm.yaml: system shop, stream contacts: unknown field fromat; did you mean format?",
    ]


def test_unknown_connector_names_those_that_exist(tmp_path: Path) -> None:
    text = "catalog: firm\nsystems:\n  shop: {connector: ftp, streams: {a: {path: b}}}\n"
    assert faults(tmp_path, text) == [
        "firm.yaml: system shop, field connector: 'ftp' is not one of files, database, rest_api, events"
    ]


def test_missing_connector_is_required(tmp_path: Path) -> None:
    assert faults(tmp_path, "catalog: firm\nsystems:\n  shop: {streams: {a: {path: b}}}\n") == [
        "firm.yaml: system shop, field connector: is required; one of files, database, rest_api, events"
    ]


def test_duplicate_key_is_an_error(tmp_path: Path) -> None:
    text = FILES + "{path: a.csv, format: csv}\n      contacts: {path: b.csv, format: csv}\n"
    assert faults(tmp_path, text) == ["firm.yaml: line 8: contacts is defined twice; keep one of the two"]


def test_name_that_is_not_snake_case_is_rejected(tmp_path: Path) -> None:
    text = "catalog: firm\nsystems:\n  Web Shop: {connector: files, location: a, streams: {on: {path: b}}}\n"
    assert faults(tmp_path, text) == [
        "firm.yaml: system Web Shop: is not a name for a system; write it in snake_case, as in web_shop",
        "firm.yaml: system Web Shop, stream True: is not a name for a stream; write it in snake_case, as in web_shop, "
        "in quotes",
    ]


def test_delimiter_is_for_csv_only(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, FILES + "{path: a.jsonl, format: jsonl, delimiter: ';'}\n")
    assert line == "firm.yaml: system shop, stream contacts: delimiter is for format csv only; remove it"


def test_yaml_error_names_the_line(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, "catalog: firm\nsystems: [\n")
    assert line.startswith("firm.yaml, line 3: is not YAML")


def test_missing_file_is_a_catalog_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="there is no such catalog file"):
        load_catalog(tmp_path / "none.yaml", {})


DATABASE = (
    "catalog: firm\nsystems:\n  helpdesk:\n    connector: database\n    url: ${HELPDESK_URL}\n"
    "    streams:\n      tickets:\n        table: ${TABLE:-tickets}\n        schema: public\n"
)


def test_staging_folder_interprets_one_system(tmp_path: Path) -> None:
    two = (
        "catalog: firm\nsystems:\n"
        "  shop: {connector: files, location: a, streams: {orders: {path: a.csv, format: csv}}}\n"
        "  outlet: {connector: files, adapter: %s, location: b, streams: {orders: {path: a.csv, format: csv}}}\n"
    )
    assert [system.staging_folder for system in load_catalog(write(tmp_path, two % "outlet"), {}).systems.values()] == [
        "shop", "outlet",
    ]  # fmt: skip
    (fault,) = faults(tmp_path, two % "shop")
    assert "the systems shop and outlet both use the adapter shop; give one of them another" in fault


def test_variables_come_from_the_environment_or_their_default(tmp_path: Path) -> None:
    catalog = load_catalog(write(tmp_path, DATABASE), {"HELPDESK_URL": "sqlite:///secret.db"})
    system = catalog.systems["helpdesk"]
    assert isinstance(system, DatabaseSystem)
    assert system.url.get_secret_value() == f"sqlite:///{tmp_path / 'secret.db'}"  # relative to the catalog
    assert (system.streams["tickets"].table, system.streams["tickets"].schema_name) == ("tickets", "public")
    assert system.field_to_renew("url") == "the environment variable HELPDESK_URL"
    environment = {"HELPDESK_URL": "sqlite:///secret.db", "TABLE": "requests"}
    (stream,) = load_catalog(write(tmp_path, DATABASE), environment).systems["helpdesk"].streams.values()
    assert isinstance(stream, TableStream) and stream.table == "requests"


def test_missing_variable_is_reported_with_its_place(tmp_path: Path) -> None:
    assert faults(tmp_path, DATABASE) == [
        "firm.yaml: system helpdesk, field url: the environment variable HELPDESK_URL is not set; set it, or write "
        "${HELPDESK_URL:-default}"
    ]


def test_secrets_appear_in_no_message_and_no_repr(tmp_path: Path) -> None:
    environment = {"HELPDESK_URL": "postgresql://u:hunter2@h/d", "TABLE": "hunter2"}
    catalog = load_catalog(write(tmp_path, DATABASE), {**environment, "TABLE": "t"})
    assert "hunter2" not in repr(catalog)
    broken = DATABASE.replace("schema: public", "schema: 7\n        delivery: ${HELPDESK_URL}")
    assert "hunter2" not in "\n".join(faults(tmp_path, broken, environment))


def test_catalog_is_imported_without_heavy_libraries() -> None:
    code = (
        "import sys, orchestration.channels.catalog_file;"
        "print([m for m in ('dlt', 'duckdb', 'sqlalchemy', 'pyarrow', 'fsspec', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


# --- The deliveries and columns of a stream -------------------------------------------------------------


def test_first_day_is_2015_unless_the_catalog_says_otherwise(tmp_path: Path) -> None:
    body = FILES + "{path: a.csv, format: csv}\n"
    assert load_catalog(write(tmp_path, body), {}).first_day == date(2015, 1, 1)
    assert load_catalog(write(tmp_path, "first_day: 2020-06-01\n" + body), {}).first_day == date(2020, 6, 1)


READ = (
    "catalog: firm\nsystems:\n  desk: {connector: database, url: 'sqlite://', streams: {tickets: {table: t%s}}}\n"
    "  chat: {connector: rest_api, base_url: 'http://h', streams: {messages: {path: /m%s}}}\n"
)


def test_stream_without_cursor_is_a_snapshot_and_any_other_appends(tmp_path: Path) -> None:
    def deliveries(more: str) -> set[str]:
        return {stream.delivery for _, stream in load_catalog(write(tmp_path, READ % (more, more)), {}).streams()}

    assert deliveries("") == {"snapshot"}
    assert deliveries(", cursor: updated_at") == {"append"}
    assert deliveries(", delivery: append") == {"append"}
    _, files = next(load_catalog(write(tmp_path, FILES + "{path: a.csv, format: csv}\n"), {}).streams())
    assert files.delivery == "append"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (
            ", cursor: updated_at, delivery: snapshot",
            "delivery snapshot is the full table, and cursor fetches a part of it; remove one of the two",
        ),
        (", delivery: replace", "delivery replace is for files only; write append or snapshot"),
        (", lag: 1h", "lag needs cursor, the column that it is subtracted from"),
    ],
)
def test_delivery_and_lag_must_fit_the_connector(tmp_path: Path, fields: str, fault: str) -> None:
    assert faults(tmp_path, READ % (fields, fields)) == [
        f"firm.yaml: system desk, stream tickets: {fault}",
        f"firm.yaml: system chat, stream messages: {fault}",
    ]


def test_files_have_no_lag(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, FILES + "{path: a.csv, format: csv, lag: 1d}\n")
    assert line == "firm.yaml: system shop, stream contacts: lag is for databases and APIs only; remove it"


def test_columns_and_types_are_read(tmp_path: Path) -> None:
    text = (
        "{path: a.csv, format: csv, delivery: replace, day: ordered_at, columns: {customer_nr: customer_no}, "
        "types: {amount: 'Decimal(12, 2)', customer_no: bigint}}\n"
    )
    _, stream = next(load_catalog(write(tmp_path, FILES + text), {}).streams())
    assert isinstance(stream, FileStream)
    assert (stream.delivery, stream.day, stream.lag) == ("replace", "ordered_at", timedelta(0))
    assert dict(stream.columns) == {"customer_nr": "customer_no"}
    assert dict(stream.types) == {"amount": "DECIMAL(12,2)", "customer_no": "BIGINT"}


@pytest.mark.parametrize("kind", ["int", "decimal", "decimal(2,3)", "decimal(39,0)", "varchar(20)", "bigint; drop"])
def test_unknown_type_is_rejected(tmp_path: Path, kind: str) -> None:
    (line,) = faults(tmp_path, FILES + f"{{path: a.csv, format: csv, types: {{amount: '{kind}'}}}}\n")
    assert line == (
        f"firm.yaml: system shop, stream contacts, field types.amount: {kind!r} is not a type; write varchar, bigint, "
        "double, boolean, date, timestamp or a decimal, as in decimal(12,2)"
    )


def test_mapped_column_must_be_a_landed_name(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, FILES + "{path: a.csv, format: csv, columns: {customer_nr: Customer No}}\n")
    assert line.startswith("firm.yaml: system shop, stream contacts, field columns.customer_nr: 'Customer No' is not a")


def test_stream_may_have_another_time_zone_than_its_system(tmp_path: Path) -> None:
    zoned = FILES.replace("location: in", "location: in\n    time_zone: America/New_York")
    text = zoned + "{path: a.csv, format: csv, time_zone: Asia/Tokyo}\n      calls: {path: b.csv, format: csv}\n"
    (system, contacts), (_, calls) = load_catalog(write(tmp_path, text), {}).streams()
    assert (system.time_zone, contacts.time_zone, calls.time_zone) == ("America/New_York", "Asia/Tokyo", None)


@pytest.mark.parametrize("zone", ["Amsterdam", "+02:00", "../UTC", "/etc/localtime"])
def test_unknown_time_zone_is_rejected(tmp_path: Path, zone: str) -> None:
    assert faults(tmp_path, FILES + f"{{path: a.csv, format: csv, time_zone: {zone}}}\n") == [
        f"firm.yaml: system shop, stream contacts, field time_zone: '{zone}' is not a time zone of the IANA database; "
        "write, for example, Europe/Amsterdam or UTC"
    ]
