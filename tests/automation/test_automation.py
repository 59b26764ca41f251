"""Schedule, sensor and webhook: when a run starts, and how a failure is reported."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dagster as dg
import pytest

from orchestration.channels.catalog_file import load_catalog
from orchestration.definitions import build_definitions
from orchestration.defs.automation import failure_webhook, new_files_sensor, publication_sensor
from orchestration.defs.project import AS_OF_TAG, STARTED_BY_TAG, Installation, moment_from
from orchestration.defs.serving import PUBLISHED_KEY
from orchestration.serving.publishing import PUBLISHED_SCHEMAS
from orchestration.settings import settings_from
from orchestration.warehouse.dbt import DbtProject

CATALOG = """
catalog: small
project: contoso
systems:
  crm:
    connector: files
    location: {location}
    streams:
      contacts: {{path: "*.csv", format: csv}}
"""


def installation(tmp_path: Path, environment: dict[str, str] | None = None) -> Installation:
    (tmp_path / "deliveries").mkdir(exist_ok=True)
    file = tmp_path / "small.yaml"
    file.write_text(CATALOG.format(location=tmp_path / "deliveries"))
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path / "home")} | (environment or {}), catalog=str(file))
    catalog = load_catalog(file, {})
    return Installation(settings, catalog, DbtProject(catalog, settings))


def test_a_run_starts_once_when_a_file_has_arrived_and_stopped_growing(tmp_path: Path) -> None:
    @dg.job
    def nothing() -> None: ...

    sensor = new_files_sensor(nothing, installation(tmp_path))
    cursor: str | None = None

    def look() -> list[dg.RunRequest]:
        nonlocal cursor
        with dg.build_sensor_context(cursor=cursor) as context:
            found = sensor.evaluate_tick(context)
        cursor = found.cursor or cursor
        return list(found.run_requests or [])

    assert look() == []  # nothing there: not a fault of the sensor
    file = tmp_path / "deliveries" / "monday.csv"
    file.write_text("contact_id\n1\n")
    assert look() == []  # seen once: it may still be growing
    file.write_text("contact_id\n1\n2\n")
    assert look() == []  # it was
    first = look()
    assert len(first) == 1 and first[0].tags["context360/started_by"] == "new files"
    assert look() == []
    (tmp_path / "deliveries" / "tuesday.csv").write_text("contact_id\n3\n")
    assert look() == []
    second = look()
    assert len(second) == 1 and second[0].run_key != first[0].run_key


def test_a_nightly_run_is_as_of_its_planned_time(tmp_path: Path) -> None:
    definitions = build_definitions(settings_from({"CONTEXT360_HOME": str(tmp_path)}, catalog="contoso"))
    schedule = definitions.resolve_schedule_def("nightly")
    planned = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    tick = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=planned))
    assert schedule.cron_schedule == "30 2 * * *" and schedule.execution_timezone == "UTC"
    assert moment_from(tick.run_requests[0].tags[AS_OF_TAG]) == datetime(2026, 3, 1, 2, 30)


class _Listener(BaseHTTPRequestHandler):
    heard: list[dict[str, str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener():
    server = HTTPServer(("127.0.0.1", 0), _Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Listener.heard.clear()
    yield server
    server.shutdown()


def failing_job(hook: dg.HookDefinition, error: Exception) -> dg.JobDefinition:
    @dg.op
    def step() -> None:
        raise error

    @dg.job(hooks={hook})
    def job() -> None:
        step()

    return job


def test_the_webhook_hears_which_step_failed_and_our_own_sentence(tmp_path: Path, listener) -> None:
    url = f"http://127.0.0.1:{listener.server_port}/hook"
    hook = failure_webhook(installation(tmp_path, {"CONTEXT360_WEBHOOK_URL": url}))
    failing_job(hook, dg.Failure("crm/contacts: no file.", allow_retries=False)).execute_in_process(
        raise_on_error=False
    )
    assert len(_Listener.heard) == 1
    message = _Listener.heard[0]
    assert message["step"] == "step" and message["catalog"] == "small"
    assert message["text"] == "context360 (small): step failed: crm/contacts: no file."


def test_the_webhook_hears_no_values_of_unexpected_errors(tmp_path: Path, listener) -> None:
    url = f"http://127.0.0.1:{listener.server_port}/hook"
    hook = failure_webhook(installation(tmp_path, {"CONTEXT360_WEBHOOK_URL": url}))
    failing_job(hook, ValueError("cannot read ann@example.com")).execute_in_process(raise_on_error=False)
    assert "ann@example.com" not in json.dumps(_Listener.heard) and "ValueError" in _Listener.heard[0]["text"]


def test_a_webhook_that_does_not_answer_does_not_hide_the_failure(tmp_path: Path) -> None:
    hook = failure_webhook(installation(tmp_path, {"CONTEXT360_WEBHOOK_URL": "http://127.0.0.1:9/nobody"}))
    result = failing_job(hook, dg.Failure("why")).execute_in_process(raise_on_error=False)
    assert not result.success and result.failure_data_for_node("step").user_failure_data.description == "why"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-31", datetime(2026, 1, 31)),
        ("2026-01-31T12:00", datetime(2026, 1, 31, 12)),
        ("2026-01-31T12:00+01:00", datetime(2026, 1, 31, 11)),
    ],
)
def test_a_moment_is_utc(written: str, meant: datetime) -> None:
    assert moment_from(written) == meant


def test_a_moment_that_cannot_be_read_says_how_to_write_one() -> None:
    with pytest.raises(ValueError, match="write 2026-01-31"):
        moment_from("31.1.2026")


# --- publication after a run that was started in the graph ------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "tags", "materialized", "publishes"),
    [
        (["marts/customer_360"], {}, True, True),
        (["staging/stg_crm__contacts", "core/dim_customer"], {}, True, True),
        (["marts/customer_360"], {}, False, False),  # unchanged: there is nothing new to publish
        (["staging/stg_crm__contacts"], {}, True, False),
        (["marts/customer_360", "serving/published_warehouse"], {}, True, False),
        (["marts/customer_360"], {STARTED_BY_TAG: "command line"}, True, False),  # run --until marts
        ([], {}, True, False),  # a job, or checks alone
    ],
)
def test_chosen_tables_are_published_after_their_run(
    chosen: list[str], tags: dict[str, str], materialized: bool, publishes: bool
) -> None:
    @dg.job
    def publication() -> None: ...

    sensor = publication_sensor(publication, PUBLISHED_KEY, PUBLISHED_SCHEMAS)
    config = {"resources": {"run": {"config": {"as_of": "2025-03-01"}}}}

    @dg.op
    def build(context) -> None:  # type: ignore[no-untyped-def]  # Dagster reads the annotation
        if materialized:
            context.log_event(dg.AssetMaterialization(chosen[0].split("/") if chosen else "x"))

    @dg.job
    def by_hand() -> None:
        build()

    with dg.DagsterInstance.ephemeral() as instance:
        result = by_hand.execute_in_process(instance=instance)
        keys = frozenset(dg.AssetKey(name.split("/")) for name in chosen)
        run = result.dagster_run._replace(asset_selection=keys or None, tags=tags, run_config=config)
        context = dg.build_run_status_sensor_context(
            sensor_name="publish_chosen", dagster_instance=instance, dagster_run=run,
            dagster_event=result.get_run_success_event(),
        )  # fmt: skip
        found = sensor(context)
    assert isinstance(found, dg.RunRequest) == publishes
    if publishes:
        assert found.run_config == config and AS_OF_TAG in found.tags
