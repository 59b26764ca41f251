"""Journeys, steps, funnels and transitions, computed from the descriptions of their columns alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from statistics import median
from typing import Any

from oracle.company import AS_OF, CHANNELS, TOUCHPOINTS, Company, Row, is_true, seed

SILENCE = timedelta(days=60)  # variable journey_silence_days
AFTER_PURCHASE = timedelta(hours=24)  # variable journey_purchase_hours
CONTACT_GAP = timedelta(minutes=30)  # variable contact_gap_minutes
STEPS = {row["journey_step"]: row for row in seed("journey_steps")}
RANKS = {step: int(row["step_rank"]) for step, row in STEPS.items()}
NAMES = {rank: step for step, rank in RANKS.items()}
PURCHASE = RANKS["purchase"]


def _name(channel_key: int) -> str:
    return str(CHANNELS[channel_key]["channel"])


def _step(row: Row) -> str:
    """What is bought is a purchase and what is brought back is service, whatever the touchpoint."""
    touchpoint = TOUCHPOINTS[row["touchpoint_key"]]
    if row["purchase_amount"] is not None:
        return "purchase"
    is_order = is_true(touchpoint["is_purchase"]) and touchpoint["journey_step"] == "purchase"
    return "service" if is_order else str(touchpoint["journey_step"])


def _most(channels: list[int]) -> str:
    """The channel of most interactions; on a tie the first in the seed."""
    numbers = Counter(channels)
    return _name(min(numbers, key=lambda channel: (-numbers[channel], channel)))


def _numbered(company: Company) -> dict[tuple[int, str], list[Row]]:
    """Per customer and line the customer's own interactions, oldest first, with step and number of the journey."""
    found: dict[tuple[int, str], list[Row]] = defaultdict(list)
    direction = {row["interaction_key"]: row["direction"] for row in company.tables["fct_interaction"]}
    for row in company.tables["bridge_interaction_product_line"]:
        is_own = row["customer_key"] > 0 and direction[row["interaction_key"]] == "inbound"
        if row["happened_at"] < AS_OF and is_own:
            step = _step(row)
            found[row["customer_key"], row["product_line"]].append({**row, "step_rank": RANKS[step]})
    for rows in found.values():
        rows.sort(key=lambda row: (row["happened_at"], row["interaction_key"]))
        number, purchased_at, has_bought = 0, None, False
        for position, row in enumerate(rows):
            before = rows[position - 1] if position else None
            is_towards_purchase = is_true(STEPS[NAMES[row["step_rank"]]]["is_before_purchase"])
            if before is None:
                number = 1
            elif purchased_at is not None:
                if is_towards_purchase and row["happened_at"] - purchased_at > AFTER_PURCHASE:
                    number, purchased_at = number + 1, None
            elif row["happened_at"] - before["happened_at"] > SILENCE and (is_towards_purchase or not has_bought):
                number += 1
            if row["purchase_amount"] is not None:
                purchased_at, has_bought = row["happened_at"], True
            row |= {"journey_number": number, "interaction_number": position + 1}
    return found


def journey_interaction(company: Company) -> dict[Any, Row]:
    """Per interaction and line: the journey that it belongs to."""
    columns = (
        "customer_key", "journey_number", "interaction_number", "step_rank", "channel_key", "happened_at",
        "purchase_amount",
    )  # fmt: skip
    return {
        (row["interaction_key"], line): {column: row[column] for column in columns}
        for (_, line), rows in _numbered(company).items()
        for row in rows
    }


def _journeys(company: Company) -> dict[tuple[int, str, int], list[Row]]:
    found: dict[tuple[int, str, int], list[Row]] = defaultdict(list)
    for (customer, line), rows in _numbered(company).items():
        for row in rows:
            found[customer, line, row["journey_number"]].append(row)
    return found


def journey(company: Company) -> dict[Any, Row]:
    """Per journey: beginning, furthest step, outcome."""
    found: dict[Any, Row] = {}
    for key, rows in _journeys(company).items():
        purchases = [row for row in rows if row["purchase_amount"] is not None]
        before = [row for row in rows if row["step_rank"] <= PURCHASE]
        if purchases:
            outcome = "purchased"
        elif not before:
            outcome = "after purchase"
        else:
            outcome = "open" if AS_OF - before[-1]["happened_at"] <= SILENCE else "dropped"
        last = (purchases or before[-1:] or rows[-1:])[0]
        looks = [row["happened_at"] for row in before if row["step_rank"] < PURCHASE]
        paying = [row["happened_at"] for row in before if row["step_rank"] == PURCHASE]
        is_seen = purchases and looks and looks[0] < paying[0] - CONTACT_GAP
        found[key] = {
            "began_at": rows[0]["happened_at"],
            "ended_at": rows[-1]["happened_at"],
            **{
                f"{step}_at": min((row["happened_at"] for row in rows if row["step_rank"] == rank), default=None)
                for step, rank in RANKS.items()
            },
            "purchased_at": purchases[0]["happened_at"] if purchases else None,
            "purchased_amount": sum(row["purchase_amount"] for row in purchases) if purchases else None,
            "days_to_purchase": (purchases[0]["happened_at"] - looks[0]) / timedelta(days=1) if is_seen else None,
            "outcome": outcome,
            "dropped_at_step": NAMES[max(row["step_rank"] for row in before)] if outcome == "dropped" else None,
            "interaction_count": len(rows),
            "first_channel": _name(rows[0]["channel_key"]),
            "last_channel": _name(last["channel_key"]),
        }
    return found


def journey_step(company: Company) -> dict[Any, Row]:
    """Per customer, line and step reached, over all journeys."""
    found: dict[Any, Row] = {}
    for (customer, line), rows in _numbered(company).items():
        for rank in {row["step_rank"] for row in rows}:
            taken = [row for row in rows if row["step_rank"] == rank]
            found[customer, line, NAMES[rank]] = {
                "step_rank": rank,
                "first_at": taken[0]["happened_at"],
                "last_at": taken[-1]["happened_at"],
                "interaction_count": len(taken),
                "main_channel": _most([row["channel_key"] for row in taken]),
            }
    return found


def journey_funnel(company: Company) -> dict[Any, Row]:
    """Per line and step: reach, drop-off, conversion and time to the next step."""
    outcomes = journey(company)
    lines: dict[str, dict[tuple[int, str, int], list[Row]]] = defaultdict(dict)
    for key, rows in _journeys(company).items():
        lines[key[1]][key] = rows
    found: dict[Any, Row] = {}
    for line, journeys in lines.items():
        for rank, step in NAMES.items():
            reached = {key: rows for key, rows in journeys.items() if any(row["step_rank"] == rank for row in rows)}
            if reached:
                found[line, step] = _funnel_row(rank, reached, journeys, outcomes)
    return found


def _funnel_row(
    rank: int, reached: dict[Any, list[Row]], journeys: dict[Any, list[Row]], outcomes: dict[Any, Row]
) -> Row:
    before = {key for key, rows in journeys.items() if any(row["step_rank"] == rank - 1 for row in rows)}
    ended = [key for key in reached if outcomes[key]["outcome"] in ("purchased", "dropped")]
    dropped = [key for key in ended if outcomes[key]["dropped_at_step"] == NAMES[rank]]
    purchased = [key for key in ended if outcomes[key]["outcome"] == "purchased"]
    days = []
    for key in reached:
        at = [outcomes[key][f"{step}_at"] for step in RANKS]
        following = at[rank] or (at[2] if rank == 1 else None) if rank < len(at) else None
        if following is not None and following >= at[rank - 1]:
            days.append((following - at[rank - 1]) / timedelta(days=1))
    channels = [row["channel_key"] for rows in reached.values() for row in rows if row["step_rank"] == rank]
    main = _most(channels)
    return {
        "step_rank": rank,
        "customer_count": len({customer for customer, _, _ in reached}),
        "journey_count": len(reached),
        "share_of_step_before": len(before & reached.keys()) / len(before) if before else None,
        "drop_off_rate": len(dropped) / len(ended) if ended and rank <= PURCHASE else None,
        "conversion_rate": len(purchased) / len(ended) if ended and rank <= PURCHASE else None,
        "median_days_to_next_step": median(days) if days else None,
        "main_channel": main,
        "main_channel_share": sum(_name(channel) == main for channel in channels) / len(channels),
    }


def channel_transition(company: Company) -> dict[Any, Row]:
    """Per line and pair of consecutive channels: how often, and how long between."""
    hours: dict[Any, list[float]] = defaultdict(list)
    for (_, line, _), rows in _journeys(company).items():
        contacts: list[list[Row]] = []
        for row in rows:
            last = contacts[-1][-1] if contacts else None
            if (
                last is None
                or last["channel_key"] != row["channel_key"]
                or row["happened_at"] - last["happened_at"] > CONTACT_GAP
            ):
                contacts.append([])
            contacts[-1].append(row)
        for one, other in zip(contacts, contacts[1:], strict=False):
            if min(one[0]["channel_key"], other[0]["channel_key"]) < 0:
                continue
            key = (line, _name(one[0]["channel_key"]), _name(other[0]["channel_key"]))
            hours[key].append((other[0]["happened_at"] - one[-1]["happened_at"]) / timedelta(hours=1))
    totals: Counter[tuple[str, str]] = Counter()
    for (line, first, _), times in hours.items():
        totals[line, first] += len(times)
    return {
        key: {
            "transition_count": len(times),
            "share_of_from_channel": len(times) / totals[key[:2]],
            "median_hours_between": median(times),
        }
        for key, times in hours.items()
    }
