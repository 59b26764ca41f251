"""Simulates one chunk of customers and lets every source system write its rows."""

from __future__ import annotations

from pathlib import Path

from examples.veloheld.generator.behaviour import live
from examples.veloheld.generator.chunk import LOOK_AHEAD_DAYS, Chunk
from examples.veloheld.generator.parameters import load_parameters
from examples.veloheld.generator.population import people_of
from examples.veloheld.generator.season import Calendar
from examples.veloheld.generator.systems import (
    campaigns,
    chat,
    consent,
    contact_centre,
    crm,
    devices,
    email,
    helpdesk,
    loyalty,
    pos,
    shop,
    trade,
    voice,
    web,
)
from examples.veloheld.generator.truth import FUTURE_DAYS, write_truth
from examples.veloheld.generator.writers.spool import Spool


def write_chunk(out: str, seed: int, number: int, customers: int, begin: int, end: int) -> dict[str, int]:
    """Writes the large files of one chunk of customers, and spools the rows of files that hold all chunks.

    Args:
        out: folder of the company.
        seed: seed of the company.
        number: number of the chunk, from 0 on.
        customers: customers in the chunk.
        begin: first delivered day, counted from the first day of the company.
        end: the day after the last delivered day.

    Returns: delivered rows per stream.
    """
    parameters = load_parameters()
    people = people_of(seed, number, customers, parameters)
    last = end + max(FUTURE_DAYS, LOOK_AHEAD_DAYS)
    history = live(people, parameters, last // parameters.company.block_days)
    chunk = Chunk(
        people,
        history,
        parameters,
        Calendar(parameters),
        begin,
        end,
        Path(out) / "sources",
        Spool(Path(out) / ".spool"),
    )
    bought = trade.trade_of(chunk)
    sends = email.sends_of(chunk)
    shop.write_shop(chunk, bought, web.order_cookies(chunk, bought))
    pos.write_pos(chunk, bought)
    loyalty.write_loyalty(chunk, bought)
    email.write_email(chunk, sends)
    campaigns.write_campaigns(chunk, bought)
    if number == 0:
        campaigns.write_calendar(chunk)
    web.write_web(chunk, bought, sends)
    devices.write_app(chunk, bought)
    devices.write_sensor(chunk)
    crm.write_crm(chunk)
    contact_centre.write_calls(chunk, bought)
    chat.write_chat(chunk, bought)
    helpdesk.write_helpdesk(chunk)
    consent.write_consent(chunk)
    voice.write_survey(chunk, bought)
    voice.write_social(chunk)
    write_truth(chunk)
    return {name: count for name, count in chunk.counts.items() if not name.startswith("truth_")}
