"""Draws what happened: contacts, orders, returns, stays and consents of every customer."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from oracle.company import AS_OF, CHANNEL_KEYS, HISTORY, TOUCHPOINT_KEYS, TOUCHPOINTS, Company, Row, is_true
from oracle.dimensions import STORES, WORKSHOP, ZONES

SYSTEMS = ["crm", "loyalty", "shop"]
RATES = {"EUR": Decimal(1), "USD": Decimal("0.9"), "JPY": None}
# Contacts other than orders, in the shares in which they are drawn.
CONTACTS = [
    "web_view", "web_view", "web_view", "web_search", "web_download", "web_cart", "web_checkout", "web_login",
    "app_open", "app_view", "app_push_opened", "email_sent", "email_sent", "email_opened", "email_clicked",
    "email_replied", "call_inbound", "call_outbound", "chat_started", "chat_inbound", "chat_outbound", "appointment",
    "appointment_kept", "branch_visit", "social_post", "social_reply", "post_sent", "post_replied", "loyalty_joined",
    "coupon_redeemed_in_store", "store_offer", "app_booking",
]  # fmt: skip
NOT_TAKEN_PLACE = ["cancelled", "missed", "no_answer", "abandoned"]


def draw_facts(company: Company) -> None:
    """Fills the facts of contacts, orders, stays and consents."""
    for customer in company.customers:
        kind = company.random.choice(["silent", "looks", "buys", "buys", "buys often"])
        if kind != "silent":
            _contacts(company, customer, company.random.randrange(1, 25))
        if kind in ("buys", "buys often"):
            _orders(company, customer, company.random.randrange(1, 4 if kind == "buys" else 16))
        if company.chance(0.15):
            stay(company, customer)
        if company.chance(0.1):
            return_of(company, customer, None)
        _consents(company, customer)
        dimension = company.one("dim_customer", "customer_key", customer)
        dimension["has_email_marketing_consent"] = company.random.choice([True, False, None])


def interaction(company: Company, customer: int, touchpoint: str, happened_at: datetime, **more: object) -> Row:
    """An interaction, with what follows from its touchpoint unless `more` says otherwise."""
    key = TOUCHPOINT_KEYS[touchpoint]
    kind = TOUCHPOINTS[key]
    took_place = bool(more.get("took_place", True))
    is_act = is_true(kind["is_trusted_act"]) or is_true(kind["is_response"])
    row = {
        "interaction_key": company.new_key(), "customer_key": customer, "touchpoint_key": key,
        "channel_key": CHANNEL_KEYS[kind["channel"] or company.random.choice(["web", "email", "call"])],
        "product_key": -2, "campaign_key": -2, "offer_key": -2,
        "content_key": -2, "device_key": -2, "location_key": -2, "happened_at": happened_at,
        "happened_date_key": date_key(happened_at),
        "direction": kind["direction"], "took_place": took_place,
        "engagement_points": int(kind["engagement_points"]) if took_place else 0, "is_purchase": False,
        "is_exchange": took_place and kind["direction"] == "inbound" and is_act,
        "source_system": company.random.choice(SYSTEMS), "attribution": "known",
    }  # fmt: skip
    return company.add("fct_interaction", **{**row, **more})


def date_key(moment: datetime) -> int:
    """Key of the day in dim_date."""
    return int(moment.strftime("%Y%m%d"))


def about_lines(company: Company, contact: Row, amounts: dict[str, Decimal | None], source: str = "product") -> None:
    """Says which product lines an interaction is about, and what was bought of each."""
    for line, amount in amounts.items():
        company.add(
            "bridge_interaction_product_line", product_line=line, product_line_source=source, purchase_amount=amount,
            **{column: contact[column] for column in (
                "interaction_key", "customer_key", "touchpoint_key", "channel_key", "happened_at")},
        )  # fmt: skip


def line_of(company: Company, product: int) -> str:
    """The product line of a product; unknown where no system names it."""
    return company.one("dim_product", "product_key", product).get("product_line") or "unknown"


def some_moment(company: Company, customer: int) -> datetime:
    """A moment of the history: one in four within the last two days, a few after the as of, some without a time."""
    draw = company.random.random()
    if draw < 0.25:
        return company.moment(customer, AS_OF - timedelta(days=2), AS_OF)
    if draw < 0.255 and company.is_free(customer, AS_OF):
        return AS_OF
    if draw < 0.28:
        return company.moment(customer, AS_OF, AS_OF + timedelta(days=20))
    days = company.random.choice([100, 420, HISTORY.days])
    return company.moment(customer, AS_OF - timedelta(days=days), AS_OF, is_timed=draw < 0.95)


def place(company: Company) -> int:
    """A place in which something is bought or discussed, sometimes an unknown one."""
    return company.random.choice([*STORES, *STORES, *ZONES, WORKSHOP, -1])


def device_of(company: Company, customer: int) -> int:
    """The browser or the telephone of a customer."""
    found = [row["device_key"] for row in company.of("dim_device", customer) if row["device_kind"] != "product"]
    return company.random.choice(found)


def _contacts(company: Company, customer: int, number: int) -> None:
    for _ in range(number):
        touchpoint = company.random.choice(CONTACTS)
        contact(company, customer, touchpoint, some_moment(company, customer))


def contact(company: Company, customer: int, touchpoint: str, happened_at: datetime, **more: object) -> Row:
    """A contact that is no order, about a product, a content item or nothing."""
    channel = TOUCHPOINTS[TOUCHPOINT_KEYS[touchpoint]]["channel"]
    row: dict[str, object] = {}
    if touchpoint in ("appointment", "call_inbound", "call_outbound") and company.chance(0.3):
        row |= {"outcome": company.random.choice(NOT_TAKEN_PLACE), "took_place": False}
    if channel in ("web", "app"):
        row |= {"device_key": device_of(company, customer), "session_key": company.new_key()}
    if channel in ("store", "branch"):
        row["location_key"] = place(company)
    lines: dict[str, Decimal | None] = {}
    if company.chance(0.5):
        row["product_key"] = product = company.random.randrange(201, 213)
        lines = {line_of(company, product): None}
    elif company.chance(0.4) and channel in ("web", "email"):
        row["content_key"] = content = company.random.randrange(301, 306)
        line = company.one("dim_content", "content_key", content)["product_line"]
        lines = {line: None} if line else {}
    made = interaction(company, customer, touchpoint, happened_at, **{**row, **more})
    about_lines(company, made, lines, "product" if row.get("product_key") else "content")
    return made


def _orders(company: Company, customer: int, number: int) -> None:
    """Orders at drawn moments; of some customers in a rhythm, of some several on one day."""
    days = company.random.choice([0.2, 5, 30, 90])
    begin = AS_OF - timedelta(days=company.random.choice([2, 60, 500]) * company.random.random())
    for position in range(number):
        if company.chance(0.5):
            span = begin - timedelta(days=days * position)
            moment = company.moment(customer, span - timedelta(hours=9), span)
        else:
            moment = some_moment(company, customer)
        bought = order(company, customer, moment)
        if company.chance(0.15):
            return_of(company, customer, bought)


def order(company: Company, customer: int, ordered_at: datetime) -> list[Row]:
    """An order of one to three lines, which may take something back; returns its lines."""
    draw = company.random
    touchpoint = draw.choice(["online_purchase", "store_purchase", "store_purchase", "app_booking", "web_checkout"])
    currency = draw.choice(["EUR"] * 12 + ["USD"] * 2 + ["JPY"])
    kinds = ["purchase"] * draw.choice([1, 1, 2, 3]) + ["return"] * company.chance(0.05)
    drawn = [(kind, draw.randrange(201, 213), _amount(company)) for kind in kinds]
    return _order(company, customer, ordered_at, touchpoint, currency, drawn, None)


def return_of(company: Company, customer: int, bought: list[Row] | None) -> list[Row]:
    """Takes back a line of an order, or of an unknown one; the touchpoint is that of returns or of orders."""
    draw = company.random
    touchpoint = draw.choice(["store_return", "online_return", "store_purchase"])
    line = draw.choice(bought) if bought else None
    if line and line["line_kind"] == "purchase":
        names_order = company.chance(0.7)
        until = line["ordered_at"] + timedelta(days=40)
        moment = company.moment(customer, line["ordered_at"], until)
        drawn = [("return", line["product_key"], line["net_amount"])]
        return _order(
            company, customer, moment, touchpoint, line["currency"], drawn,
            line["interaction_key"] if names_order else None,
        )  # fmt: skip
    drawn = [("return", draw.randrange(201, 213), _amount(company))]
    return _order(company, customer, some_moment(company, customer), touchpoint, "EUR", drawn, None)


def _amount(company: Company) -> Decimal:
    return Decimal(company.random.choice([0, 5, 20, 99, 250])) + Decimal(company.random.randrange(100)) / 100


def _order(
    company: Company, customer: int, ordered_at: datetime, touchpoint: str, currency: str,
    drawn: list[tuple[str, int, Decimal]], returned: int | None,
) -> list[Row]:  # fmt: skip
    is_purchase = any(kind == "purchase" for kind, _, _ in drawn)
    kind = TOUCHPOINTS[TOUCHPOINT_KEYS[touchpoint]]
    rate = RATES[currency]
    net = sum((amount if kind == "purchase" else -amount for kind, _, amount in drawn), Decimal(0))
    more: dict[str, object] = {"took_place": is_purchase or not is_true(kind["is_purchase"])}
    if kind["channel"] == "store":
        more["location_key"] = place(company)
    if kind["channel"] in ("web", "app"):
        more["device_key"] = device_of(company, customer)
    made = interaction(
        company, customer, touchpoint, ordered_at, is_purchase=is_purchase, amount=net, currency=currency,
        reporting_amount=None if rate is None else net * rate, **more,
    )  # fmt: skip
    if is_purchase:
        made["is_exchange"] = True
    lines = [_line(company, made, currency, row, returned) for row in drawn]
    amounts: dict[str, Decimal | None] = {line_of(company, line["product_key"]): None for line in lines}
    for line in lines:
        if line["line_kind"] == "purchase":
            name = line_of(company, line["product_key"])
            amounts[name] = (amounts[name] or Decimal(0)) + (line["reporting_net_amount"] or Decimal(0))
    about_lines(company, made, amounts)
    return lines


def _line(company: Company, made: Row, currency: str, drawn: tuple[str, int, Decimal], returned: int | None) -> Row:
    kind, product, amount = drawn
    sign = 1 if kind == "purchase" else -1
    rate = RATES[currency]
    discount = company.random.choice([None, Decimal(0), Decimal(3)])
    cost = None if company.chance(0.4) else sign * amount * Decimal("0.6")
    return company.add(
        "fct_order_line", order_line_key=company.new_key(), interaction_key=made["interaction_key"],
        returned_interaction_key=returned if kind == "return" else None, customer_key=made["customer_key"],
        product_key=product if company.chance(0.97) else -1, campaign_key=-2, offer_key=-2,
        touchpoint_key=made["touchpoint_key"], channel_key=made["channel_key"], location_key=made["location_key"],
        device_key=made["device_key"], ordered_at=made["happened_at"], ordered_date_key=made["happened_date_key"],
        line_kind=kind, quantity=sign,
        discount_amount=discount if kind == "purchase" else None, net_amount=sign * amount, cost_amount=cost,
        margin_amount=None if cost is None else sign * amount - cost, currency=currency, reporting_rate=rate,
        reporting_net_amount=None if rate is None else sign * amount * rate, source_system=made["source_system"],
    )  # fmt: skip


def stay(company: Company, customer: int) -> Row:
    """A booking of a stay: one in three customers of the house is there at the as of."""
    draw = company.random
    begins = AS_OF - timedelta(days=draw.choice([1, 3, 800]) * draw.random(), seconds=1)
    if company.chance(0.1):
        begins = AS_OF + timedelta(days=draw.randrange(1, 30))
    begins = company.moment(customer, begins - timedelta(hours=1), begins)
    amount, currency = _amount(company), draw.choice(["EUR", "EUR", "USD", "JPY"])
    rate = RATES[currency]
    paid = {"currency": currency, "reporting_amount": None if rate is None else amount * rate}
    made = interaction(
        company, customer, "hotel_stay", begins, is_purchase=True, is_exchange=True, amount=amount, **paid
    )
    return company.add(
        "fct_booking", booking_key=company.new_key(), interaction_key=made["interaction_key"], customer_key=customer,
        touchpoint_key=made["touchpoint_key"], booking_channel_key=draw.choice([1, 4]), started_at=begins,
        ended_at=begins + timedelta(days=draw.randrange(1, 5)), booked_item=draw.choice(["room", None]),
        net_amount=amount, currency=currency, reporting_rate=rate, reporting_net_amount=paid["reporting_amount"],
        source_system="hotel",
    )  # fmt: skip


def _consents(company: Company, customer: int) -> None:
    draw = company.random
    for _ in range(draw.choice([0, 1, 1, 2, 3])):
        holder = company.new_key()
        for purpose in ("marketing", "profiling", "service"):
            for channel in ("email", "call"):
                if not company.chance(0.5):
                    continue
                moments = sorted(some_moment(company, customer) for _ in range(draw.choice([1, 1, 2, 3])))
                for moment, end in zip(moments, [*moments[1:], None], strict=True):
                    company.add(
                        "fct_consent", consent_key=company.new_key(), customer_key=customer, holder_key=holder,
                        channel_key=CHANNEL_KEYS[channel], channel=channel, purpose=purpose, changed_at=moment,
                        valid_from=moment, valid_to=end, is_granted=company.chance(0.6),
                        lawful_basis=draw.choice(["contract", "consent", "consent"]),
                        given_through=draw.choice([None, "registration", "preference centre"]),
                        source_system=draw.choice(SYSTEMS),
                    )  # fmt: skip
