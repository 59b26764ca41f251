"""Purchases: order lines, with what was paid, where, and by which person."""

from __future__ import annotations

from orchestration.onboarding.plan import PLACE, StreamPlan, SystemPlan, head_of
from orchestration.onboarding.selects import (
    TODO,
    Select,
    Selected,
    choice,
    currency,
    place_text,
    timestamp,
    undecided,
    who,
    words_of,
)
from orchestration.onboarding.words import words

# Amounts that may or may not be part of what was paid: a person says so.
_LEFT_OUT = ("gross_amount", "discount_amount", "coupon_discount", "manufacturer_discount", "tax_amount") + (
    "shipping_amount", "cost_amount", "tip_amount",
)  # fmt: skip


def order_line(system: SystemPlan, stream: StreamPlan) -> Select | None:
    """The lines of orders; None where nothing says when they were placed."""
    head = head_of(system, stream) if stream.kind == "lines" else None
    placed = head or stream
    own, other = ("lines.", "heads.") if head else ("", "")
    if placed.moment is None:
        return None
    order = stream.output("order_id")
    amount, why = net_amount(system, stream, own)
    is_return = f"{amount} < 0" if _is_negative(stream) and not amount.startswith("{") else ""
    columns = [
        Selected(
            f"{own}{order}" if order else place_text(),
            "order_id",
            "" if order else "TODO no order number: each row is an order of its own",
        ),
        Selected(_line_id(stream, order, own), "order_line_id", stream.key.evidence),
        Selected(
            f"case when {is_return} then 'return' else 'purchase' end" if is_return else "'purchase'",
            "line_kind",
            "negative amounts are returns" if is_return else "",
        ),
        _touchpoint(system, stream, is_return),
        *who(placed, other),
    ]
    for role in ("product_id", "quantity", "location_id", "coupon_code", "device_id"):
        if stream.output(role):
            columns.append(Selected(f"{own}{stream.output(role)}", role))
        elif head and head.output(role):
            columns.append(Selected(f"{other}{head.output(role)}", role))
    columns += [
        Selected(timestamp(f"{other}{placed.moment.name}", placed.moment.kind), "ordered_at"),
        Selected(amount, "net_amount", why),
        currency(system, stream, "currency", own),
    ]
    todos = tuple(
        f"TODO {stream.output(role)} ({role}) is not contributed: is it part of what was paid?"
        for role in _LEFT_OUT
        if stream.output(role)
    )
    join = ""
    if head:
        view = f"{{{{ ref('stg_{system.name}__{head.name}') }}}}"
        join = f"left join {view} as heads on lines.{order} = heads.{head.base_key[0]}"
    return Select(stream.name, tuple(columns), _where(system, placed, other), join=join, comments=todos)


def _line_id(stream: StreamPlan, order: str, own: str) -> str:
    parts = [name for name in stream.base_key if name != order and name not in PLACE]
    counted = {line.name for line in stream.extra_lines}
    as_text = "cast({} as {{{{ dbt.type_string() }}}})"
    numbers = [as_text.format(own + name) if name in counted else own + name for name in parts]
    return " || '/' || ".join(numbers) or "'1'"


def _is_negative(stream: StreamPlan) -> bool:
    columns = [stream.landed(role) for role in ("net_amount", "quantity", "unit_price")]
    return any(column is not None and column.forms.get("negative", 0) for column in columns)


def net_amount(system: SystemPlan, stream: StreamPlan, own: str) -> tuple[str, str]:
    """SQL of what was paid, and why. Where a price may be of one piece or of the line, a person says which."""
    amount, quantity, price = (stream.output(role) for role in ("net_amount", "quantity", "unit_price"))
    if not amount:
        return f"{own}{quantity} * {own}{price}", "TODO quantity times unit price: is it what was paid?"
    landed = stream.landed("net_amount")
    assert landed is not None
    if not quantity or any(word in landed.name for word in words("whole_amounts")):
        return f"{own}{amount}", stream.roles[landed.name].evidence
    answer = choice(
        system,
        stream,
        f"{landed.name}.per",
        f"is {landed.name} the price of one piece, or of the whole line?",
        piece="of one piece: it is multiplied by the quantity",
        line="of the whole line",
    )
    if answer == "piece":
        return f"{own}{quantity} * {own}{amount}", "quantity times the price of one piece, as stated"
    if answer == "line":
        return f"{own}{amount}", "of the whole line, as stated"
    remedy = f"{amount} if it is the price of the whole line, or by {quantity} * {amount}"
    return undecided(amount, remedy), "TODO the price of one piece, or of the line?"


def _where(system: SystemPlan, stream: StreamPlan, own: str) -> str:
    """Which rows are purchases, where a state says that some may not be."""
    status = stream.landed("status")
    parts = words("doubtful_states")
    doubtful = sorted(word for word in (status.words if status else ()) if any(part in word for part in parts))
    if status is None or not doubtful:
        return ""
    output, listed = stream.output("status"), ", ".join(doubtful)
    answer = choice(
        system,
        stream,
        status.name,
        f"are orders with {status.name} {listed} purchases?",
        no="they are left out",
        yes="they count",
    )
    if answer == "yes":
        return ""
    if answer == "no":
        quoted = ", ".join("'" + word.replace("'", "''") + "'" for word in doubtful)
        return f"coalesce(lower({own}{output}), '') not in ({quoted})"
    return undecided(output, f"a condition for the states that are purchases ({listed}?)")


def _touchpoint(system: SystemPlan, stream: StreamPlan, is_return: str) -> Selected:
    named = words_of(system, stream)
    place, why = "", ""
    if named & words("store_words"):
        place, why = "store", "a store by the name"
    elif named & words("online_words"):
        place, why = "online", "a web shop by the name"
    if not place:
        text = "where are these purchases made?"
        place = choice(system, stream, "touchpoint", text, online="in the web shop", store="in a store")
        why = "as stated"
    if not place:
        return Selected(TODO, "touchpoint", "TODO online_purchase, store_purchase or one of seeds/own_touchpoints.csv")
    if not is_return:
        return Selected(f"'{place}_purchase'", "touchpoint", why)
    return Selected(f"case when {is_return} then '{place}_return' else '{place}_purchase' end", "touchpoint", why)
