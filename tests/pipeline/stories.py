"""What a run of the little company left behind, for tests that break its deliveries and repair them."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline import little_company
from pipeline.installation import QUARANTINED, STATES, Content, Installation, Said


@dataclass
class Run:
    """A run, and what could be seen after it."""

    said: Said
    content: Content
    core: Content
    states: dict[str, str]
    quarantined: dict[str, int]
    landed: dict[str, int]
    held: dict[str, int]
    failed_in_dagster: set[str]
    status: Said
    differences: list[int]

    def sentences_about(self, stream: str) -> list[str]:
        return [fault for fault in self.said.faults if fault.startswith(f"{stream}:")]


@dataclass
class Story:
    """A good installation, broken, and repaired."""

    installation: Installation
    before: Content
    core_before: Content
    runs: dict[str, Run] = field(default_factory=dict)

    def run(self, name: str, *arguments: str) -> None:
        said = self.installation.run("--no-train", *arguments)
        self.runs[name] = Run(
            said,
            self.installation.content(),
            self.installation.core(),
            dict(self.installation.built(STATES)),
            dict(self.installation.built(QUARANTINED)),
            {stream: self.installation.landed(stream) for stream in little_company.STREAMS},
            {stream: self.installation.landed(stream, "held") for stream in little_company.STREAMS},
            self.installation.failed_in_dagster(),
            self.installation.status(),
            [difference for (difference,) in self.installation.built("select difference from quality.row_ledger")],
        )


def staged(installation: Installation) -> Content:
    """Rows and content of every staged stream, without the load that brought them."""
    return {
        stream: installation.built(
            "select count(*), sum(hash(t)::hugeint)::varchar from"
            f" (select * exclude (_dlt_load_id) from staging.stg_{stream.replace('/', '__')}) as t"
        )[0]
        for stream in little_company.STREAMS
    }


def about_deliveries(said: Said) -> list[str]:
    """The sentences about what is wrong, without what every run says of this company."""
    return [fault for fault in said.faults if not fault.startswith(little_company.KNOWN_WARNING)]
