"""The needs of customers at the as of, computed from the seed `needs` and the descriptions of signs."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from math import floor
from typing import Any

from oracle.company import AS_OF, CHANNELS, TOUCHPOINTS, Company, Row, is_true, seed
from oracle.personal import open_at
from oracle.profiling import is_gated
from oracle.relationship import known_contacts
from oracle.situational import DAY, situational_context

CALLS = {"call_inbound", "call_outbound"}
COMPLAINING = {"complaint_opened", "complaint_reopened", "complaint_answered"}
CALL_BACKS = {"callback", "call_back", "callback_requested", "callback_promised"}  # variable call_back_outcomes
SERVICE_KINDS = {"service", "maintenance", "repair", "inspection", "workshop"}  # variable service_appointment_kinds
NEAR_METRES = 400  # variable stays.near_metres
COMPLAINT_CALL = timedelta(hours=24)  # variable complaint_call_hours
SERVICE_INTERVAL, SERVICE_KM = timedelta(days=365), 2_000  # variables service_interval_days and service_interval_km
SERVICE_DUE_MOST = timedelta(days=365)  # variable service_due_most_days
BEFORE_LEAVING, LOW_SHARE = timedelta(days=30), 0.25  # variables unhappy_before_leaving_days and unhappy_score_share


def customer_need(company: Company) -> dict[Any, Row]:
    """Per customer and need: its place, the sign and the evidence in words."""
    settings = {row["signal"]: row for row in seed("needs")}
    found: dict[Any, Row] = {}
    contexts = situational_context(company)
    for customer in company.customers:
        felt = []
        for name, sign in _signs(company, customer, contexts[customer]).items():
            setting = settings.get(name)
            is_profile = bool(setting) and setting.get("is_profile") != "false"
            if sign and setting and _counts(sign, setting) and not (is_profile and is_gated(company, customer)):
                felt.append((int(setting["precedence"]), setting["need"], setting, sign))
        for place, (_, need, setting, sign) in enumerate(sorted(felt, key=lambda one: one[:2]), start=1):
            found[customer, need] = {
                "as_of": AS_OF, "need_rank": place, "title": setting["title"], "signal": setting["signal"],
                "seen_at": sign["at"], "evidence": _sentence(setting, sign), "action": setting["action"],
                "is_profile": setting.get("is_profile") != "false",
            }  # fmt: skip
    return found


def _counts(sign: Row, setting: Row) -> bool:
    hours, figure = float(setting["window_hours"]), sign.get("figure")
    if hours and abs(sign.get("counts_from", sign["at"]) - AS_OF) > timedelta(hours=hours):
        return False
    if setting["threshold_kind"] is None:
        return True
    limit = float(setting["threshold"])
    return figure is not None and (figure <= limit if setting["threshold_kind"] == "at_most" else figure >= limit)


def _sentence(setting: Row, sign: Row) -> str:
    """The templates whose placeholders are all known, joined by a space, or before a comma or semicolon by nothing."""
    figure = None if sign.get("figure") is None else floor(sign["figure"] + 0.5)
    facts = {
        "what": sign.get("what"), "place": sign.get("place"), "detail": sign.get("detail"), "figure": figure,
        "figure_days": _counted(figure, "day"), "figure_times": _counted(figure, "time"), "at": _moment(sign["at"]),
        "day": str(sign["at"].date()), "since": _moment(sign.get("since")), "again": _moment(sign.get("again")),
        "since_day": str(sign["since"].date()) if sign.get("since") else None,
    }  # fmt: skip
    parts = []
    for number in range(1, 5):
        template = setting[f"evidence_{number}"]
        if template and all(facts[name] is not None for name in facts if "{" + name + "}" in template):
            parts.append(template.format(**facts))
    return " ".join(parts).replace(" ,", ",").replace(" ;", ";")


def _counted(figure: int | None, noun: str) -> str | None:
    return None if figure is None else f"{figure} {noun}{'' if figure == 1 else 's'}"


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    is_day = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return f"{moment:%Y-%m-%d}" if is_day else f"{moment:%Y-%m-%d %H:%M} UTC"


def _words(name: str | None) -> str | None:
    return None if name is None else name.replace("_", " ")


def _signs(company: Company, customer: int, now: Row) -> dict[str, Row | None]:
    contacts = sorted(known_contacts(company, customer), key=lambda row: row["happened_at"])
    for row in contacts:
        row["touchpoint"] = TOUCHPOINTS[row["touchpoint_key"]]["touchpoint"]
    serviced = _service_contacts(company, customer, contacts)
    return {
        **_complaint(now), **_online(company, customer, now, contacts), **_around(now),
        **_products(company, customer, serviced), "missed_call": _missed_call(contacts, serviced),
        "promised_call": _promised_call(company, customer, contacts),
        "unanswered_chat": _unanswered_chat(company, contacts, serviced),
        "unhappy_leaver": _unhappy_leaver(company, customer, contacts),
        "satisfaction": _satisfaction(company, customer), "running_booking": _booking(company, customer),
    }  # fmt: skip


def _complaint(now: Row) -> dict[str, Row | None]:
    opened, answered = now["open_complaint_since"], now["open_complaint_answered_at"]
    sign = {"what": _words(now["open_complaint_kind"]), "again": now["open_complaint_reopened_at"]}
    if opened is None or answered is None:
        return {"open_complaint": {**sign, "at": opened} if opened else None}
    days = (AS_OF - answered) / timedelta(days=1)
    return {"answered_complaint": {**sign, "at": answered, "since": opened, "figure": days}}


def _online(company: Company, customer: int, now: Row, contacts: list[Row]) -> dict[str, Row | None]:
    orders = [
        row["ordered_at"] for row in company.of("fct_order_line", customer)
        if row["ordered_at"] < AS_OF and row["line_kind"] == "purchase"
    ]  # fmt: skip
    ordered = max(orders, default=datetime.min)
    found: dict[str, Row | None] = {}
    searched = [row["happened_at"] for row in contacts if row["touchpoint"] == "web_search"]
    if now["search_count_1d"]:
        at, metres = max(searched), now["nearest_store_metres"]
        if ordered < AS_OF - DAY:
            found["searches"] = {"at": at, "figure": now["search_count_1d"]}
        if metres is not None and metres <= NEAR_METRES:
            found["search_near_store"] = {
                "at": at, "again": now["position_at"], "place": now["nearest_store"], "figure": metres,
                "counts_from": min(at, now["position_at"]),
            }  # fmt: skip
    if now["session_product_line"] is not None and ordered < now["session_started_at"]:
        found["session"] = {
            "at": now["session_last_at"], "since": now["session_started_at"], "place": now["session_channel"],
            "what": _words(now["session_product_line"]),
        }  # fmt: skip
    if now["is_cart_abandoned"]:
        is_priced = now["cart_amount"] is not None and now["cart_currency"] is not None
        worth = f"{now['cart_amount']:.2f} {now['cart_currency']}" if is_priced else None
        found["abandoned_cart"] = {"at": now["cart_last_added_at"], "figure": now["cart_line_count"], "detail": worth}
    return found


def _around(now: Row) -> dict[str, Row | None]:
    found: dict[str, Row | None] = {}
    if now["visit_last_seen_at"] is not None:
        found["store_visit"] = {
            "at": now["visit_last_seen_at"], "since": now["visit_started_at"],
            "place": now["visited_store"] or "the store", "detail": _words(now["visited_zone"]),
        }  # fmt: skip
    if now["next_appointment_at"] is not None:
        found["appointment"] = {
            "at": now["next_appointment_at"], "place": now["next_appointment_location"],
            "what": _words(now["next_appointment_kind"]) or "appointment",
        }  # fmt: skip
    if now["product_read_at"] is not None:
        found["product_battery"] = {
            "at": now["product_read_at"], "what": now["connected_product"] or "product",
            "figure": now["battery_percent"],
        }  # fmt: skip
    return found


def _service_contacts(company: Company, customer: int, contacts: list[Row]) -> list[tuple[datetime, bool]]:
    """Contacts about service before the as of, each with whether the service was done there and then."""
    found = []
    for row in contacts:
        kind = TOUCHPOINTS[row["touchpoint_key"]]
        may_be_work = is_true(kind["is_response"]) or is_true(kind["is_trusted_act"])
        is_service = kind["direction"] == "inbound" and kind["journey_step"] == "service" and may_be_work
        if row["took_place"] and (
            is_service or row["touchpoint"] in {"call_outbound", *COMPLAINING} - {"complaint_answered"}
        ):
            is_on_site = CHANNELS[row["channel_key"]]["presence"] == "on_site"
            found.append((row["happened_at"], may_be_work and is_on_site))
    for row in company.of("fct_appointment", customer):
        is_off = row["status"] in ("cancelled", "missed") and row["changed_at"] < AS_OF
        if row["booked_at"] < AS_OF and not is_off:
            found.append((row["booked_at"], False))
            if row["appointment_kind"] in SERVICE_KINDS and row["starts_at"] < AS_OF:
                found.append((row["starts_at"], True))
    return found


def _missed_call(contacts: list[Row], serviced: list[tuple[datetime, bool]]) -> Row | None:
    last = max((at for at, _ in serviced), default=datetime.min)
    missed = [
        row["happened_at"] for row in contacts
        if row["touchpoint"] == "call_inbound" and not row["took_place"] and row["happened_at"] > last
    ]  # fmt: skip
    return {"at": missed[-1], "since": missed[0] if len(missed) > 1 else None} if missed else None


def _promised_call(company: Company, customer: int, contacts: list[Row]) -> Row | None:
    calls = [row for row in contacts if row["touchpoint"] in CALLS and row["took_place"]]
    if not calls or (calls[-1].get("outcome") or "").lower() not in CALL_BACKS:
        return None
    at = calls[-1]["happened_at"]
    about = [
        row for row in company.of("fct_complaint", customer)
        if row["opened_at"] < AS_OF and (open_at(row, at) or at <= row["opened_at"] <= at + COMPLAINT_CALL)
    ]  # fmt: skip
    if about and not any(open_at(row, AS_OF) for row in about):
        return None
    return {"at": at, "detail": calls[-1].get("detail")}


def _unanswered_chat(company: Company, contacts: list[Row], serviced: list[tuple[datetime, bool]]) -> Row | None:
    """The newest conversation in which the customer wrote last, unless a contact about service came after it."""
    chats = [
        row for row in contacts
        if CHANNELS[row["channel_key"]]["channel"] == "chat" and row["touchpoint"] not in COMPLAINING
    ]  # fmt: skip
    sent = max((row["happened_at"] for row in chats if row["direction"] == "outbound"), default=datetime.min)
    waiting: dict[Any, list[datetime]] = defaultdict(list)
    for row in chats:
        key, last = row.get("session_key"), sent
        if key is not None:
            answers = [
                other["happened_at"] for other in company.tables["fct_interaction"]
                if other.get("session_key") == key and other["direction"] == "outbound" and other["happened_at"] < AS_OF
            ]  # fmt: skip
            last = max(answers, default=datetime.min)
        if row["direction"] == "inbound" and row["happened_at"] > last:
            waiting[key].append(row["happened_at"])
    if not waiting:
        return None
    written = max(waiting.values(), key=max)
    if max((at for at, _ in serviced), default=datetime.min) > max(written):
        return None
    return {"at": max(written), "since": min(written), "figure": (AS_OF - min(written)) / timedelta(minutes=1)}


def _unhappy_leaver(company: Company, customer: int, contacts: list[Row]) -> Row | None:
    left = [row["happened_at"] for row in contacts if row["touchpoint"] == "email_unsubscribed"]
    words: dict[Any, list[Row]] = defaultdict(list)
    for row in company.of("fct_consent", customer):
        if row["valid_from"] < AS_OF:
            words[row["holder_key"], row["purpose"], row["channel"]].append(row)
    for rows in words.values():
        rows.sort(key=lambda row: row["valid_from"])
        left += [
            then["valid_from"] for before, then in zip(rows, rows[1:], strict=False)
            if before["is_granted"] and not then["is_granted"]
        ]  # fmt: skip
    signs = [
        (row["answered_at"], f"rated {floor(row['score'] + 0)} of {floor(row['scale_maximum'])}")
        for row in company.of("fct_survey_answer", customer)
        if row["answered_at"] < AS_OF and (
            row["nps_class"] == "detractor" or (row["is_about_satisfaction"] and row["score"] - row["scale_minimum"]
            <= LOW_SHARE * (row["scale_maximum"] - row["scale_minimum"]))
        )
    ]  # fmt: skip
    signs += [
        (row["opened_at"], "complaint" + (f" about {_words(row['complaint_kind'])}" if row["complaint_kind"] else ""))
        for row in company.of("fct_complaint", customer) if row["opened_at"] < AS_OF
    ]  # fmt: skip
    signs += [
        (row["happened_at"], "wrote a negative text") for row in contacts
        if row["direction"] == "inbound" and row.get("sentiment_label") == "negative"
    ]  # fmt: skip
    pairs = [(at, since, sign) for at in left for since, sign in signs if since <= at <= since + BEFORE_LEAVING]
    if not pairs:
        return None
    at, since, sign = max(pairs, key=lambda pair: pair[:2])
    return {"at": at, "since": since, "what": sign}


def _booking(company: Company, customer: int) -> Row | None:
    stays = [row for row in company.of("fct_booking", customer) if row["started_at"] < AS_OF < row["ended_at"]]
    if not stays:
        return None
    items = [row["booked_item"] for row in stays if row.get("booked_item")]
    return {"at": max(row["ended_at"] for row in stays), "what": max(items, default=None)}


def _satisfaction(company: Company, customer: int) -> Row | None:
    answers = [
        row for row in company.of("fct_survey_answer", customer)
        if row["is_about_satisfaction"] and row["answered_at"] < AS_OF
    ]  # fmt: skip
    last = max(answers, key=lambda row: row["answered_at"], default=None)
    return last and {"at": last["answered_at"], "figure": float(last["score"]), "detail": str(last["scale_maximum"])}


def _products(company: Company, customer: int, serviced: list[tuple[datetime, bool]]) -> dict[str, Row | None]:
    """The faults that no contact about service has followed, and the service that is due for longest."""
    contacted = max((at for at, _ in serviced), default=datetime.min)
    done = max((at for at, is_done in serviced if is_done), default=None)
    readings = [row for row in company.of("fct_product_reading", customer) if row["valid_from"] < AS_OF]
    faults, dues = [], []
    for device in sorted({row["device_key"] for row in readings}):
        rows = sorted((row for row in readings if row["device_key"] == device), key=lambda row: row["valid_from"])
        product = company.one("dim_product", "product_key", rows[-1]["product_key"])
        title = product.get("title") or product.get("product_id") or "product"
        if fault := _fault(rows, title):
            faults.append(fault)
        if due := _due(company.one("dim_device", "device_key", device), rows, done):
            dues.append({**due, "what": title})
    open_faults = [fault for fault in faults if fault["at"] > contacted]
    first = min(open_faults, key=lambda fault: (fault["again"] is not None, AS_OF - fault["at"]), default=None)
    longest = min(dues, key=lambda due: due["since"], default=None)
    if first is None:
        return {"service_due": longest}
    return {"service_due": longest, "past_product_fault" if first["again"] else "product_fault": first}


def _fault(rows: list[Row], title: str) -> Row | None:
    """The last fault that the product reported; again: the last reading, where it reports none any more."""
    last = max((number for number, row in enumerate(rows) if row["fault_code"]), default=None)
    if last is None:
        return None
    begin = last
    while begin and rows[begin - 1]["fault_code"] == rows[last]["fault_code"]:
        begin -= 1
    is_reported = last == len(rows) - 1
    return {
        "at": rows[last]["valid_from"], "since": rows[begin]["valid_from"], "what": title,
        "detail": rows[last]["fault_code"], "figure": rows[-1]["battery_percent"] if is_reported else None,
        "again": None if is_reported else rows[-1]["valid_from"],
    }  # fmt: skip


def _due(device: Row, rows: list[Row], done: datetime | None) -> Row | None:
    """Since when the service of a product is due, by days or by distance since its last service or its sale."""
    sold = device.get("first_seen_at")
    serviced = done if done is not None and (sold is None or done >= sold) else None
    measured = [(row["valid_from"], row["odometer_km"]) for row in rows if row["odometer_km"] is not None]
    counts_from = serviced or sold or min((at for at, _ in measured), default=None)
    before = [km for at, km in measured if serviced is not None and at <= serviced]
    if before:
        base: float | None = max(before)
    elif serviced is None and sold is not None:
        base = 0
    else:
        base = min((km for _, km in measured), default=None)
    reached = [] if counts_from is None else [
        at for at, km in measured if base is not None and km - base >= SERVICE_KM and at > counts_from
    ]  # fmt: skip
    by_distance = min(reached, default=None)
    by_days = None if counts_from is None else counts_from + SERVICE_INTERVAL
    reasons = [moment for moment in (by_distance, by_days) if moment is not None]
    if not (by_distance or (by_days and by_days < AS_OF)) or max(reasons) < AS_OF - SERVICE_DUE_MOST:
        return None
    last = rows[-1]["odometer_km"]
    return {
        "at": rows[-1]["valid_from"], "since": min(reasons),
        "figure": None if last is None or base is None else last - base,
    }  # fmt: skip
