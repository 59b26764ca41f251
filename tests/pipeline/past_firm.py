"""A firm with a handful of rows of every canonical stream, some of them known by PAST and some later.

All of them stand in one file, with the columns of the canonical stream that they feed. `known` are the rows as a system
would have delivered them by PAST; `changed` are those that changed afterwards, as it delivers them today; `later` came
to be afterwards. The whole firm delivers changed rows instead of known ones, and the later ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAST, PRESENT = "2025-07-01", "2025-09-01"
SWITCH = "{{ config(enabled=context360.adapter_is_on()) }}\n"


@dataclass(frozen=True)
class Stream:
    """Rows of a canonical stream. columns: `name:type`, text without one. versions: further ones, by `updated_at`."""

    columns: str
    known: tuple[str, ...]
    later: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def types(self) -> dict[str, str]:
        """Name -> type; text where none is given."""
        parts = [part.split(":") for part in self.columns.split()]
        return {part[0]: part[1] if len(part) > 1 else "string" for part in parts}

    def rows(self, *, whole: bool) -> list[str]:
        """The delivered rows of the whole firm, or of the firm as it was."""
        if not whole:
            return list(self.known)
        changed = {row.split(",")[0]: row for row in self.changed}
        return [changed.get(row.split(",")[0], row) for row in self.known] + [*self.versions, *self.later]


WHO = "identifier_kind identifier_value"
ANN, BOB, COR = "email,ann@example.org", "email,bob@example.org", "email,cor@example.org"
STREAMS = {
    "source_record": Stream(
        "source_record_id given_name family_name email city recorded_at:timestamp updated_at:timestamp",
        known=(
            "P1,Ann,Lee,ann@example.org,Utrecht,2024-01-10 09:00:00,2024-01-10 09:00:00",
            "P2,Bob,Ray,bob@example.org,Gent,2024-02-01 09:00:00,2024-02-01 09:00:00",
        ),
        versions=("P1,Ann,Lee,ann@example.org,Rotterdam,2024-01-10 09:00:00,2025-07-20 09:00:00",),
        later=("P3,Cor,Vos,cor@example.org,Delft,2025-07-15 09:00:00,2025-07-15 09:00:00",),
    ),
    "identifier": Stream("source_record_id " + WHO, known=("P1,card_no,K1",), later=("P3,card_no,K3",)),
    "product": Stream("product_id title product_line", known=("B1,City bike,bikes", "H1,Helmet,parts")),
    "location": Stream("location_id location_kind title", known=("S1,store,Store Utrecht",)),
    "content": Stream("content_id title content_kind", known=("T1,How to choose a bike,page",)),
    "exchange_rate": Stream(
        "from_currency to_currency valid_from:timestamp rate:decimal(18,12)",
        known=("USD,EUR,2025-01-01 00:00:00,0.9",),
        later=("USD,EUR,2025-07-05 00:00:00,0.8",),
    ),
    "order_line": Stream(
        f"order_line_id order_id line_kind touchpoint {WHO} product_id ordered_at:timestamp net_amount:decimal(18,6) "
        "currency location_id",
        known=(
            f"L1,O1,purchase,online_purchase,{ANN},B1,2025-05-01 10:00:00,1000,EUR,",
            f"L2,O2,purchase,store_purchase,{BOB},H1,2025-06-01 10:00:00,50,USD,S1",
        ),
        later=(
            f"L3,O3,purchase,online_purchase,{ANN},H1,2025-07-10 10:00:00,60,EUR,",
            f"L4,O4,return,online_return,{ANN},B1,2025-07-11 10:00:00,-1000,EUR,",
            f"L5,O5,purchase,store_purchase,{COR},B1,2025-07-16 10:00:00,900,EUR,S1",
        ),
    ),
    "booking": Stream(
        f"booking_id touchpoint {WHO} started_at:timestamp ended_at:timestamp net_amount:decimal(18,6) currency",
        known=(f"S1,branch_visit,{BOB},2025-06-28 14:00:00,2025-07-04 10:00:00,200,EUR",),
        later=(f"S2,branch_visit,{BOB},2025-08-01 14:00:00,2025-08-02 10:00:00,90,EUR",),
    ),
    "survey_answer": Stream(
        f"survey_answer_id touchpoint {WHO} survey_kind is_about_satisfaction:boolean score:decimal(18,6) "
        "scale_minimum:int scale_maximum:int answered_at:timestamp",
        known=(f"N1,survey_answer,{ANN},nps,true,9,0,10,2025-06-03 10:00:00",),
        later=(f"N2,survey_answer,{ANN},nps,true,2,0,10,2025-08-03 10:00:00",),
    ),
    "consent": Stream(
        f"source_consent_id {WHO} purpose channel is_granted:boolean changed_at:timestamp",
        known=(f"C1,{ANN},marketing,email,true,2024-01-10 09:00:00",),
        later=(f"C2,{ANN},marketing,email,false,2025-08-01 09:00:00",),
    ),
    "campaign": Stream(
        "campaign_id title channel starts_on:date ends_on:date has_holdout:boolean",
        known=("M1,Spring,email,2025-05-01,2025-05-14,true",),
        later=("M2,Summer,email,2025-07-10,2025-07-24,true",),
    ),
    "offer": Stream(
        "offer_id campaign_id discount_percent:decimal(5,2) channel valid_from:date valid_to:date",
        known=("F1,M1,10,email,2025-05-01,2025-07-31",),
        later=("F2,M2,20,email,2025-07-10,2025-07-24",),
    ),
    "offer_product": Stream("offer_id product_id product_line", known=("F1,B1,",), later=("F2,H1,",)),
    "offer_made": Stream(
        f"offer_made_id campaign_id offer_id channel {WHO} email is_holdout:boolean made_at:timestamp coupon_code "
        "redeemed_at:timestamp",
        known=(
            f"X1,M1,F1,email,{ANN},ann@example.org,false,2025-05-02 09:00:00,,",
            f"X2,M1,F1,email,{BOB},bob@example.org,true,,,",
        ),
        changed=(
            f"X1,M1,F1,email,{ANN},ann@example.org,false,2025-05-02 09:00:00,Q1,2025-07-10 10:00:00",
        ),
        later=(
            f"X3,M2,F2,email,{BOB},bob@example.org,true,,,",
            f"X4,M2,F2,email,{ANN},ann@example.org,false,2025-07-11 09:00:00,,",
        ),
    ),
    "coupon": Stream(
        f"coupon_code coupon_kind offer_id campaign_id {WHO}",
        known=(f"Q1,offer,F1,M1,{ANN}",),
        later=(f"Q2,offer,F2,M2,{ANN}",),
    ),
    "coupon_redemption": Stream(
        "redemption_id touchpoint coupon_code offer_id campaign_id order_id redeemed_at:timestamp",
        known=(),
        later=("R1,coupon_redeemed_online,Q1,F1,M1,O3,2025-07-10 10:00:00",),
    ),
    "device": Stream(
        f"device_id device_kind {WHO} first_seen_at:timestamp last_seen_at:timestamp",
        known=(f"D1,telephone,{ANN},2025-03-01 10:00:00,2025-07-01 00:00:00",),
        changed=(
            f"D1,telephone,{ANN},2025-03-01 10:00:00,2025-08-20 10:00:00",
        ),
        later=(f"D2,telephone,{COR},2025-07-16 10:00:00,2025-08-20 10:00:00",),
    ),
    "position": Stream(
        "position_id position_kind device_id location_id observed_at:timestamp",
        known=("G1,beacon,D1,S1,2025-06-05 10:00:00",),
        later=("G2,beacon,D1,S1,2025-08-05 10:00:00",),
    ),
    "device_reading": Stream(
        f"reading_id device_id {WHO} battery_percent:int read_at:timestamp",
        known=(f"V1,D1,{ANN},80,2025-06-30 10:00:00",),
        later=(f"V2,D1,{ANN},5,2025-08-30 10:00:00",),
    ),
    "relation": Stream(
        f"source_relation_id relation_kind {WHO} other_identifier_kind other_identifier_value observed_at:timestamp",
        known=(f"W1,follows,{ANN},{BOB},2025-04-01 10:00:00",),
        later=(f"W2,follows,{BOB},{COR},2025-08-01 10:00:00",),
    ),
    "identifier_pair": Stream(
        f"evidence {WHO} other_identifier_kind other_identifier_value first_seen_at:timestamp last_seen_at:timestamp "
        "sighting_count:bigint",
        known=(f"login,cookie,c1,{ANN},2025-06-10 10:00:00,2025-07-01 00:00:00,1",),
        changed=(
            f"login,cookie,c1,{ANN},2025-06-10 10:00:00,2025-08-10 10:00:00,1",
        ),
        later=(f"login 2,cookie,c2,{BOB},2025-07-10 10:00:00,2025-07-10 10:00:00,1",),
    ),
    "complaint": Stream(
        f"complaint_id {WHO} complaint_kind state opened_at:timestamp first_answered_at:timestamp "
        "first_resolved_at:timestamp resolved_at:timestamp reopened_at:timestamp reopened_count:int "
        "changed_at:timestamp",
        known=(
            f"K1,{ANN},battery,answered,2025-06-10 10:00:00,2025-06-12 10:00:00,,,,0,",
            f"K2,{BOB},invoice,resolved,2025-05-10 10:00:00,2025-05-11 10:00:00,2025-05-20 10:00:00,"
            "2025-05-20 10:00:00,,0,",
        ),
        changed=(
            f"K1,{ANN},battery,resolved,2025-06-10 10:00:00,2025-06-12 10:00:00,2025-07-02 10:00:00,"
            "2025-07-02 10:00:00,,0,2025-07-02 10:00:00",
            # Reopened and resolved again: by PAST it had been resolved once.
            f"K2,{BOB},invoice,resolved,2025-05-10 10:00:00,2025-05-11 10:00:00,2025-05-20 10:00:00,"
            "2025-08-20 10:00:00,2025-08-10 10:00:00,1,2025-08-20 10:00:00",
        ),
        later=(f"K3,{ANN},repair,opened,2025-08-10 10:00:00,,,,,0,2025-08-10 10:00:00",),
    ),
    "cart_line": Stream(
        f"cart_id cart_line_id {WHO} product_id quantity:decimal(18,6) added_at:timestamp state state_since:timestamp",
        known=(f"U1,1,{BOB},B1,1,2025-06-29 10:00:00,open,2025-06-29 10:00:00",),
        changed=(
            f"U1,1,{BOB},B1,1,2025-06-29 10:00:00,ordered,2025-07-02 10:00:00",
        ),
        later=(f"U2,1,{ANN},H1,1,2025-08-29 10:00:00,open,2025-08-29 10:00:00",),
    ),
    "appointment": Stream(
        f"appointment_id {WHO} appointment_kind location_id status booked_at:timestamp starts_at:timestamp "
        "changed_at:timestamp",
        known=(
            f"A1,{ANN},test ride,S1,planned,2025-06-20 10:00:00,2025-07-05 10:00:00,",
            f"A2,{BOB},workshop,S1,kept,2025-06-01 10:00:00,2025-06-05 10:00:00,2025-06-05 11:00:00",
        ),
        changed=(
            f"A1,{ANN},test ride,S1,missed,2025-06-20 10:00:00,2025-07-05 10:00:00,2025-07-05 10:30:00",
        ),
        later=(f"A3,{ANN},workshop,S1,planned,2025-08-20 10:00:00,2025-09-20 10:00:00,",),
    ),
    "loyalty_transaction": Stream(
        f"transaction_id {WHO} transaction_kind points:bigint order_id booked_at:timestamp",
        known=(f"Y1,{ANN},earned,100,O1,2025-05-01 12:00:00",),
        later=(f"Y2,{ANN},earned,6,O3,2025-07-10 12:00:00",),
    ),
    "interaction": Stream(
        f"source_interaction_id touchpoint {WHO} happened_at:timestamp product_id content_id verbatim language",
        known=(
            f"I1,web_view,{ANN},2025-04-28 20:00:00,B1,T1,,",
            f"I2,call_inbound,{BOB},2025-06-15 10:00:00,,,,",
            "I3,web_view,cookie,c1,2025-06-10 10:10:00,H1,,,",
        ),
        later=(
            f"I4,web_view,{BOB},2025-07-01 00:00:01,B1,,,",
            "I5,web_view,cookie,c1,2025-07-20 10:00:00,H1,,,",
            f"I6,social_post,{ANN},2025-08-02 10:00:00,,,What a terrible bike,en",
        ),
    ),
}  # fmt: skip
_LEADING = ("stream", "row_key", "changed")
_WIDTH = max(len(stream.types) for stream in STREAMS.values())
# Rows that a run as of PAST leaves out: of each later row and each later version, and of nothing else.
LATER_ROWS = sum(len(stream.later) for stream in STREAMS.values())


def write_firm(firm: Path) -> None:
    """Turns a folder that `context360 init` has written into this firm, without deliveries."""
    staging = firm / "models" / "staging" / "till"
    staging.mkdir(parents=True)
    values = [f"v{number}" for number in range(_WIDTH)]
    columns = "".join(f"          - {{name: {column}, data_type: varchar}}\n" for column in [*_LEADING, *values])
    enabled = "{{ 'till' in var('adapters', {}) }}"
    (staging / "_till__sources.yml").write_text(
        f'version: 2\nsources:\n  - name: till\n    config: {{enabled: "{enabled}"}}\n    tables:\n'
        f"      - name: rows\n        columns:\n{columns}"
    )
    (staging / "base_till__rows.sql").write_text(
        "{{ config(materialized='table', enabled=context360.adapter_is_on()) }}\n"
        "with renamed as (\n    select\n        stream, row_key, cast(nullif(changed, '') as timestamp) as changed,\n"
        f"        {', '.join(values)},\n        {{{{ context360.landing_columns() }}}}\n"
        "    from {{ source('till', 'rows') }}\n)\n"
        "{{ context360.judged_rows('renamed', ['stream', 'row_key'], version=['changed'], keep_superseded=true) }}\n"
    )
    (staging / "stg_till__rows.sql").write_text(SWITCH + "{{ context360.staged_rows() }}\n")
    for name, stream in STREAMS.items():
        selected = ", ".join(
            f"cast(nullif(v{place}, '') as {data_type}) as {column}"
            for place, (column, data_type) in enumerate(stream.types.items())
            if column != "updated_at"
        )
        (staging / f"till__{name}.sql").write_text(
            f"{SWITCH}select {selected} from {{{{ ref('stg_till__rows') }}}} where stream = '{name}'\n"
        )
    (staging / "till__source_record_version.sql").write_text(
        f"{SWITCH}select v0 as source_record_id, v1 as given_name, v2 as family_name, v3 as email, v4 as city,\n"
        "    changed as version_at, row_fate = 'staged' as is_current\nfrom {{ ref('base_till__rows') }}\n"
        "{{ context360.where_version() }} and stream = 'source_record'\n"
    )
    (firm / "catalog.yaml").write_text(
        f"catalog: past\nas_of: {PRESENT}\nsystems:\n  till:\n    connector: files\n    location: deliveries\n"
        "    streams:\n      rows: {path: rows.csv, format: csv, key: [stream, row_key]}\n"
    )


def deliver(firm: Path, *, whole: bool) -> None:
    """Writes the one file with the rows of all streams: of the whole firm, or as it was by PAST."""
    lines = [[*_LEADING, *(f"v{number}" for number in range(_WIDTH))]]
    for name, stream in STREAMS.items():
        for row in stream.rows(whole=whole):
            values = row.split(",")
            changed = values[list(stream.types).index("updated_at")] if "updated_at" in stream.types else ""
            key = " ".join(values[: 3 if name in ("exchange_rate", "identifier_pair") else 1])
            lines.append([name, key, changed, *values, *([""] * (_WIDTH - len(values)))])
    (firm / "deliveries").mkdir(exist_ok=True)
    (firm / "deliveries" / "rows.csv").write_text("\n".join(map(",".join, lines)) + "\n")
