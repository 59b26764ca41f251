"""The card of one customer, as a service agent would read it: from any identifier, in a few seconds."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    from rich.console import Group

LAST_CONTACTS = 8
MOST_CANDIDATES = 20
SYSTEM_NAMES = {"ios": "iOS", "macos": "macOS", "android": "Android", "windows": "Windows", "linux": "Linux"}


@dataclass(frozen=True)
class FoundCustomer:
    customer_key: int
    name: str
    place: str


def find_customers(connection: duckdb.DuckDBPyConnection, identifier: str) -> list[FoundCustomer]:
    """The customers that an identifier points at: a customer number, any identifier of any system in any spelling of
    case, a phone number however it is written, or a full name. At most 20, by number.
    """
    text = identifier.strip()
    digits = re.sub(r"\D", "", re.split(r"x", text, flags=re.IGNORECASE)[0])
    rows = connection.execute(
        """
        with known as (
            select customer_key from core.bridge_customer_identifier
            where lower(identifier_value) = lower($text)
                or (
                    identifier_kind = 'phone'
                    and length($digits) >= 9
                    and right(identifier_value, 9) = right($digits, 9)
                )
            union
            select customer_key from core.dim_customer
            where lower(display_name) = lower($text)
                or lower(concat_ws(' ', family_name, given_name)) = lower($text)
                or customer_key = try_cast($text as bigint)
        )
        select customer_key, coalesce(display_name, 'name not known'), concat_ws(', ', city, region, country)
        from core.dim_customer
        where customer_key > 0 and customer_key in (select customer_key from known)
        order by customer_key
        limit $most
        """,
        {"text": text, "digits": digits, "most": MOST_CANDIDATES},
    ).fetchall()
    return [FoundCustomer(*row) for row in rows]


def card_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Group:
    """The card of one customer. Raises KeyError where there is none of that number."""
    from rich.console import Group
    from rich.panel import Panel

    customer = _one(connection, "marts.customer_360", customer_key)
    person = _one(connection, "core.dim_customer", customer_key)
    name = person["display_name"] or "Name not known"
    return Group(
        Panel(_pairs(_who(customer, person)), title=f"[bold]{name}[/]  customer {customer_key}", title_align="left"),
        Panel(_pairs(_relationship(customer)), title="Relationship", title_align="left"),
        Panel(_pairs(_personal(customer)), title="Personal", title_align="left"),
        Panel(_pairs(_situational(customer)), title="Situational", title_align="left"),
        Panel(_actions(connection, customer_key), title="Next best actions", title_align="left"),
        Panel(_contacts(connection, customer_key), title="Last contacts", title_align="left"),
    )


def earlier_card_of(
    connection: duckdb.DuckDBPyConnection, customer_key: int, query: str, as_of: datetime, known: datetime
) -> Group:
    """The card of one customer as it would have read at an earlier moment: their situation and contacts until then.

    query: SQL of situational_context at that moment; as_of: the moment; known: the moment of the warehouse (naive UTC).
    Relationship and personal context are left out: the warehouse has them as of today. Raises KeyError where there is
    no customer of that number.
    """
    from rich.console import Group
    from rich.panel import Panel

    customer = _one(connection, "core.dim_customer", customer_key)
    situation = _one(connection, f"({query})", customer_key)
    name = customer["display_name"] or "Name not known"
    return Group(
        Panel(
            f"Whose these facts are, is as known on {known:%d %B %Y}; of what happened, only what was known then.",
            title=f"[bold]{name}[/]  customer {customer_key}",
            title_align="left",
        ),
        Panel(_pairs(_situational(situation)), title="Situational", title_align="left"),
        Panel(_contacts(connection, customer_key, as_of), title="Last contacts until then", title_align="left"),
    )


def _who(customer: dict[str, Any], person: dict[str, Any]) -> list[tuple[str, str]]:
    address = ", ".join(
        part for part in (
            " ".join(filter(None, (person["street"], person["house_number"]))),
            " ".join(filter(None, (person["postal_code"], person["city"]))), person["region"], person["country"],
        ) if part
    )  # fmt: skip
    born = f"{person['birth_date']:%d %B %Y}" if person["birth_date"] else ""
    count = customer["source_record_count"]
    records = f"{count} record{'s' if count != 1 else ''} in {customer['source_systems']}"
    certainty = "" if customer["match_probability"] == 1 else f" (linked with {customer['match_probability']:.0%})"
    return [
        ("Born", ", ".join(filter(None, (born, person["gender"])))),
        ("Reach", ", ".join(filter(None, (person["email"], person["phone"])))),
        ("Lives", address),
        ("Works as", person["occupation"] or ""),
        ("Loyalty", ", ".join(filter(None, (
            person["loyalty_number"],
            f"tier {person['loyalty_tier']}" if person["loyalty_tier"] else None,
            f"{person['loyalty_points']:,} points" if person["loyalty_points"] is not None else None,
        )))),
        ("Known from", records + certainty),
    ]  # fmt: skip


def _relationship(customer: dict[str, Any]) -> list[tuple[str, str]]:
    currency = customer["currency"] or ""
    since = f"{customer['first_known_at']:%d %B %Y}" if customer["first_known_at"] else "not known"
    if not customer["purchase_count"]:
        bought = "nothing yet"
    else:
        bought = (
            f"{customer['purchase_count']} purchases, the last {customer['recency_days']} days ago "
            f"({customer['last_purchase_at']:%d %B %Y}); {customer['purchase_count_12m']} in the last 12 months"
        )
    weekday = calendar.day_name[customer["usual_weekday"] - 1] if customer["usual_weekday"] else None
    hour = f"at {customer['usual_hour']}:00" if customer["usual_hour"] is not None else None
    scores = [customer[score] for score in ("recency_score", "frequency_score", "monetary_score")]
    on_site = ""
    if customer["on_site_count"]:
        place = f", mostly {customer['usual_location']}" if customer["usual_location"] else ""
        on_site = f"{customer['on_site_count']} times, {customer['on_site_count_12m']} in the last 12 months{place}"
    return [
        ("Since", since),
        ("Stage", _stage(customer)),
        ("Bought", bought),
        ("Owns", _words(customer["product_lines"])),
        ("Worth", f"{customer['current_value_amount']:,.2f} {currency}, of which "
                  f"{customer['value_12m_amount']:,.2f} in the last 12 months"),
        ("Expected", _expected(customer, currency)),
        ("Scores", "recency {}, frequency {}, value {} (5 is best)".format(*scores) if all(scores) else ""),
        ("Usually", ", ".join(filter(None, (customer["usual_channel"], weekday, hour)))),
        ("On site", on_site),
    ]  # fmt: skip


def _expected(customer: dict[str, Any], currency: str) -> str:
    """What comes next, as far as models can tell."""
    purchases, value = customer["expected_purchases_12m"], customer["expected_value_12m_amount"]
    if purchases is None:
        return ""
    often = f"{purchases:.1f} purchases" if purchases >= 0.95 else f"{purchases:.0%} of a purchase"
    if customer["value_basis"] != "model":
        return (
            f"as of anybody: {often}, {value:,.0f} {currency} in the next 12 months; too few have bought again to tell"
        )
    parts = [
        f"{often}, {value:,.0f} {currency} in the next 12 months",
        f"still a customer with {customer['probability_alive']:.0%}",
    ]
    if customer["next_purchase_date"]:
        parts.append(f"as likely as not buys by {customer['next_purchase_date']:%d %B %Y}")
    if customer["purchase_probability_90d"] is not None:
        parts.append(f"buys within 90 days with {customer['purchase_probability_90d']:.0%}")
    if customer["likely_product_line"]:
        chance = customer["likely_product_line_probability"]
        parts.append(f"{_words(customer['likely_product_line'])} within 90 days with {chance:.0%}")
    return "; ".join(parts)


def _stage(customer: dict[str, Any]) -> str:
    if not customer["stage"]:
        return ""
    points, before = customer["engagement_points"], customer["engagement_points_90d_ago"]
    trend = "coming closer" if points > before * 1.2 else "drifting away" if points < before * 0.8 else "steady"
    return (
        f"{customer['stage']} since {customer['stage_since']:%B %Y}; {points:,.0f} engagement points "
        f"({_words(customer['engagement_band'])}, {trend}); {_words(customer['segment'])}"
    )


def _words(names: str | None) -> str:
    return (names or "").replace("_", " ")


def _personal(customer: dict[str, Any]) -> list[tuple[str, str]]:
    opinions = ""
    if customer["opinion_count"]:
        answers = "answer or review" if customer["opinion_count"] == 1 else "answers and reviews"
        opinions = f"{customer['opinion_count']} {answers}, satisfied {customer['average_satisfaction']:.0%}"
        trend = customer["satisfaction_trend"]
        if trend:
            opinions += f"; the last one {'better' if trend > 0 else 'worse'} than before"
    consent = customer["has_email_marketing_consent"]
    recommends = {"promoter": "yes", "passive": "perhaps", "detractor": "no"}.get(customer["nps_class"] or "", "")
    if customer["referral_count"]:
        recommends = ", ".join(filter(None, (recommends, f"brought {customer['referral_count']}")))
    if customer["influence_percentile"] is not None:
        recommends = ", ".join(filter(None, (recommends, f"more heard than {customer['influence_percentile']:.0f} %")))
    if customer["average_sentiment"] is not None:
        tone = "positive" if customer["average_sentiment"] > 0.2 else "mixed"
        tone = "negative" if customer["average_sentiment"] < -0.2 else tone
        opinions = "; ".join(
            filter(
                None,
                (
                    opinions,
                    f"writes {tone} ({customer['verbatim_count']} text{'s' * (customer['verbatim_count'] > 1)})",
                ),
            )
        )
    complaints = ""
    if customer["complaint_count"]:
        last = f"the last one {_words(customer['last_complaint_kind'])} on {customer['last_complaint_at']:%d %B %Y}"
        state = f", {customer['open_complaint_count']} open" if customer["open_complaint_count"] else ", none open"
        complaints = f"{customer['complaint_count']}{state}; {last}"
    return [
        ("Feels", opinions),
        ("Wrote", f"“{customer['last_verbatim']}”" if customer["last_verbatim"] else ""),
        ("Says", f"satisfaction {customer['stated_satisfaction']}" if customer["stated_satisfaction"] else ""),
        ("Recommends us", recommends + (" (ambassador)" if customer["is_ambassador"] else "")),
        ("Complaints", complaints),
        ("Likes", _beside(customer["revealed_product_line"], customer["stated_product_lines"])),
        ("Reads", customer["revealed_content"] or ""),
        ("Channels", _beside(customer["revealed_channel"], customer["stated_channels"])),
        ("Buys again", customer["revealed_product_id"] or ""),
        ("Marketing", {True: "may be mailed", False: "may not be mailed", None: "was never asked"}[consent]),
    ]


def _beside(shown: str | None, said: str | None) -> str:
    """What somebody shows beside what they say."""
    parts = (f"shows {_words(shown)}" if shown else None, f"says {_words(said)}" if said else None)
    return ", ".join(filter(None, parts))


def _actions(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Any:
    rows = connection.execute(
        """
        select kind, title, evidence, channel, lawful_basis, propensity, expected_value_amount, currency
        from marts.next_best_action
        where customer_key = ?
        order by action_rank
        """,
        [customer_key],
    ).fetchall()
    if not rows:
        return "none that they have agreed to"
    return _pairs(
        [
            (kind, f"{title}: {why} (by {channel}, {basis}){_expected_of(*expected)}")
            for kind, title, why, channel, basis, *expected in rows
        ]
    )


def _expected_of(propensity: float | None, amount: Decimal | None, currency: str | None) -> str:
    """What an expected value is made of, as one can picture it; nothing where no model speaks."""
    if propensity is None or amount is None:
        return ""
    many = 100 if propensity >= 0.01 else 1000
    buyers = round(propensity * many)
    who = f"{buyers} buy" if buyers > 1 else "1 buys" if buyers else "hardly anybody buys"
    return f"; of {many:,} like them {who} it within 90 days, {many * amount:,.0f} {currency} in all"


def _situational(customer: dict[str, Any]) -> list[tuple[str, str]]:
    now = customer["as_of"]
    last = ""
    if customer["last_interaction_at"]:
        last = (
            f"{_words(customer['last_touchpoint'])} ({customer['last_channel']}), "
            f"{_ago(now - customer['last_interaction_at'])}"
        )
    present = f"in the house until {customer['stay_ends_at']:%d %B %Y}" if customer["is_in_house"] else ""
    need = f"{_words(customer['need'])}: {customer['need_evidence']}" if customer["need"] else "none seen"
    return [
        ("As of", f"{now:%d %B %Y %H:%M} UTC"),
        ("Need", need),
        ("Last contact", last),
        ("Present", present),
        ("In store", _visit(customer)),
        ("Session", _session(customer)),
        ("Cart", _cart(customer)),
        ("Searched", f"{customer['search_terms']} ({_count(customer['search_count_1d'], 'time')} in the last day)"
                     if customer["search_terms"] else ""),
        ("Seen", _position(customer)),
        ("Product", _product(customer)),
        ("Complaint", _open_complaint(customer)),
        ("Appointment", _appointment(customer)),
    ]  # fmt: skip


def _visit(customer: dict[str, Any]) -> str:
    if not customer["visited_store"]:
        return ""
    zone = f", zone {_words(customer['visited_zone'])}" if customer["visited_zone"] else ""
    dwell = customer["visit_dwell_seconds"]
    stayed = f" after {_length(timedelta(seconds=dwell))}" if dwell >= 60 else ""
    where = f"{customer['visited_store']}{zone}"
    seen = _ago(customer["as_of"] - customer["visit_last_seen_at"])
    return f"in {where}, last seen {seen}{stayed}" if customer["is_in_store"] else f"was in {where} {seen}"


def _session(customer: dict[str, Any]) -> str:
    system = customer["last_device_operating_system"]
    device = " with ".join(filter(None, (customer["last_device_class"], SYSTEM_NAMES.get(system, system))))
    if not customer["session_channel"]:
        used = customer["last_device_used_at"]
        return f"none in the last day; last on a {device}, {_ago(customer['as_of'] - used)}" if device else ""
    place = "in the app" if customer["session_channel"] == "app" else "on the site"
    parts = [
        f"{place} now, for {_length(customer['as_of'] - customer['session_started_at'])}"
        if customer["is_session_running"]
        else f"was {place} {_ago(customer['as_of'] - customer['session_last_at'])}",
        _count(customer["session_page_count"], "page") if customer["session_page_count"] else None,
        f"mostly {_words(customer['session_product_line'])}" if customer["session_product_line"] else None,
        f"on a {device}" if device else None,
    ]
    return ", ".join(filter(None, parts))


def _cart(customer: dict[str, Any]) -> str:
    if not customer["cart_line_count"]:
        return ""
    worth = ""
    if customer["cart_amount"] is not None:
        worth = f" worth {customer['cart_amount']:,.2f} {customer['cart_currency'] or ''}".rstrip()
    state = "left standing" if customer["is_cart_abandoned"] else "being filled"
    since = _ago(customer["as_of"] - customer["cart_last_added_at"])
    return f"{_count(customer['cart_line_count'], 'product')}{worth}, {state}; the last was put there {since}"


def _position(customer: dict[str, Any]) -> str:
    if not customer["nearest_store"] or customer["visited_store"] == customer["nearest_store"]:
        return ""
    metres = customer["nearest_store_metres"]
    distance = f"{metres:,.0f} m" if metres < 1000 else f"{metres / 1000:,.1f} km"
    accuracy = customer["position_accuracy_metres"]
    exact = f" (within {accuracy} m)" if accuracy is not None else ""
    seen = _ago(timedelta(seconds=customer["position_age_seconds"]))
    return f"{seen}, {distance} from {customer['nearest_store']}, the nearest store{exact}"


def _product(customer: dict[str, Any]) -> str:
    if not customer["connected_product_count"]:
        return ""
    parts = [
        f"fault {customer['fault_code']} since {customer['fault_since']:%d %B %Y}" if customer["fault_code"] else None,
        f"battery at {customer['battery_percent']} %" if customer["battery_percent"] is not None else None,
    ]
    state = ", ".join(filter(None, parts)) or "nothing unusual"
    read = _ago(customer["as_of"] - customer["product_read_at"])
    others = customer["connected_product_count"] - 1
    more = f"; {_count(others, 'other connected product')}" if others else ""
    return f"{customer['connected_product'] or 'connected product'}: {state} (reported {read}){more}"


def _open_complaint(customer: dict[str, Any]) -> str:
    if not customer["open_complaint_since"]:
        return ""
    again = customer["open_complaint_reopened_at"]
    return (
        f"{_words(customer['open_complaint_kind']) or 'complaint'}, open since "
        f"{customer['open_complaint_since']:%d %B %Y}" + (f", opened again on {again:%d %B %Y}" if again else "")
    )


def _appointment(customer: dict[str, Any]) -> str:
    if not customer["next_appointment_at"]:
        return ""
    place = f" in {customer['next_appointment_location']}" if customer["next_appointment_location"] else ""
    kind = _words(customer["next_appointment_kind"]) or "appointment"
    return f"{kind} on {customer['next_appointment_at']:%d %B %Y at %H:%M} UTC{place}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _length(time: timedelta) -> str:
    """How long, in the largest unit of which there are two: 40 minutes, 3 hours, 12 days."""
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return _count(minutes, "minute")
    return _count(minutes // 60, "hour") if minutes < 2 * 24 * 60 else _count(minutes // (24 * 60), "day")


def _ago(time: timedelta) -> str:
    return f"{_length(time)} ago" if time >= timedelta(minutes=1) else "just now"


def _contacts(connection: duckdb.DuckDBPyConnection, customer_key: int, as_of: datetime | None = None) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    rows = connection.execute(
        """
        select happened_at, touchpoint, detail, amount, currency
        from marts.customer_timeline
        where customer_key = ? and happened_at < coalesce(?, (select max(as_of) from marts.situational_context))
        order by happened_at desc, interaction_key
        limit ?
        """,
        [customer_key, as_of, LAST_CONTACTS],
    ).fetchall()
    for happened_at, touchpoint, detail, amount, currency in rows:
        money = f"{amount:,.2f} {currency}" if amount is not None else ""
        table.add_row(f"{happened_at:%d %b %Y}", escape(touchpoint), escape(detail or ""), money)
    if not rows:
        table.add_row("none")
    return table


def _pairs(pairs: list[tuple[str, str]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", min_width=12)
    table.add_column()
    for label, value in pairs:
        if value:
            table.add_row(label, escape(value))
    return table


def _one(connection: duckdb.DuckDBPyConnection, table: str, customer_key: int) -> dict[str, Any]:
    cursor = connection.execute(f"select * from {table} as t where t.customer_key = ?", [customer_key])
    row = cursor.fetchone()
    if row is None:
        raise KeyError(customer_key)
    return dict(zip([column[0] for column in cursor.description], row, strict=True))
