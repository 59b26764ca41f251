"""survey and social: answers to surveys, and posts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import texts
from examples.veloheld.generator.behaviour import Events, together
from examples.veloheld.generator.chunk import Chunk, exponential, fan, poisson
from examples.veloheld.generator.clock import DAY, HOUR
from examples.veloheld.generator.columns import chosen, emptied, integers, numbered, taken, times, where
from examples.veloheld.generator.systems.crm import NETWORKS, handles
from examples.veloheld.generator.systems.trade import Trade, order_numbers
from examples.veloheld.generator.writers.lines import quoted

Array = np.ndarray[Any, Any]
NPS, CSAT, RESEARCH, PSYCHOGRAPHICS = range(4)
QUESTIONS = (
    "How likely are you to recommend Veloheld?",
    "How satisfied are you with the solution?",
    "How important is the price to you?",
    "How important is advice in the store to you?",
    "How interested are you in leasing?",
    "I like to try new things.",
    "I plan ahead.",
    "I enjoy company.",
    "I trust others easily.",
    "I worry a lot.",
)


def write_survey(chunk: Chunk, trade: Trade) -> None:
    """Writes NPS after purchases, CSAT after complaints, a research panel and its psychographic questions."""
    # Longer than 60 lines: one paragraph per survey, then one table.
    people, v = chunk.people, chunk.parameters.voice
    bought = trade.bought
    answers = np.flatnonzero(chunk.chance("answers", bought["number"]) < v.nps_answer_share)
    wait = 2 * DAY + (exponential(chunk.chance("answers when", bought["number"][answers]), 3.0) * DAY).astype(np.int64)
    parts = [
        _answer(
            bought["person"][answers],
            bought["t"][answers] + np.minimum(wait, 25 * DAY),
            bought["number"][answers] * 16,
            NPS,
            0,
        )
    ]
    parts[0]["order"] = np.where(bought["store"][answers], -1, bought["number"][answers])
    complaints = chunk.history.complaints
    if complaints:
        number = chunk.numbers(complaints["block"] + 5_000, complaints["seq"])
        rows = np.flatnonzero(chunk.chance("csat", number) < v.csat_answer_share)
        wait = DAY + (chunk.chance("csat when", number[rows]) * 4 * DAY).astype(np.int64)
        parts.append(
            _answer(complaints["person"][rows], complaints["closed"][rows] + wait, number[rows] * 16 + 1, CSAT, 1)
        )
    panel = np.flatnonzero(people.traits["panel"])
    for wave in range(0, chunk.end // 180 + 1):
        day = 30 + 180 * wave
        there = panel[(chunk.contact_since[panel] < day)]
        when = day + (chunk.chance("panel", people.index[there], wave) * 12).astype(np.int64)
        t = chunk.calendar.seconds(
            when, 19 * HOUR + (chunk.chance("panel at", people.index[there], wave) * 9_000).astype(np.int64)
        )
        number = chunk.numbers(np.full(len(there), 6_000 + wave), there) * 16
        parts += [_answer(there, t + 40 * place, number + place, RESEARCH, 2 + place) for place in range(3)]
        if wave == 0 or wave == 2:
            unasked = (chunk.contact_since[there] >= day - 360) | (wave == 0)
            parts += [
                _answer(
                    there[unasked],
                    t[unasked] + 200 + 30 * place,
                    number[unasked] + 4 + place,
                    PSYCHOGRAPHICS,
                    5 + place,
                )
                for place in range(5)
            ]
    events = together(parts)
    asked = (events["survey"] == NPS) | (events["survey"] == CSAT)
    at = chunk.at_hours(events["t"], chunk.chance("answers at", events["number"]), chunk.parameters.hours.leisure)
    events["t"] = np.where(asked, at, events["t"])
    out = chunk.deliver("survey.answers", events, lambda e: numbered("Q", e["number"], 17))
    person, number, question = out["person"], out["number"], out["question"]
    noise = (
        chunk.chance("noise", number) + chunk.chance("noise 2", number) + chunk.chance("noise 3", number) - 1.5
    ) * 2
    state = chunk.complaint_state(person, out["t"])
    loss = np.array([0.0, v.resolved_complaint_loss, v.open_complaint_loss])[state]
    felt = people.traits["satisfaction"][person] - loss + noise * v.answer_deviation
    is_nps, is_csat = out["survey"] == NPS, out["survey"] == CSAT
    mind = people.traits["mind"][person, np.maximum(question - 5, 0)]
    interest = people.traits["line_taste"][person, np.where(question == 4, 4, 1)] * 5
    free = np.where(out["survey"] == RESEARCH, 2 + interest + noise, 3 + mind + 0.4 * noise)
    score = np.where(
        is_nps,
        np.clip(np.round(felt), 0, 10),
        np.where(is_csat, np.clip(np.round((felt + 1.5) / 2), 1, 5), np.clip(np.round(free), 1, 5)),
    )
    score = score.astype(np.int64)
    scale = np.where(is_nps, 10, 5)
    mood = np.where(score >= scale * 0.85, 2, np.where(score >= scale * 0.6, 1, 0))
    speaks = (is_nps | is_csat) & (chunk.chance("verbatim", number) < v.verbatim_share)
    said = [text for language in texts.VERBATIMS for of_mood in language for text in of_mood]
    language = people.language[person]
    verbatim = chosen(said, (language * 3 + mood) * 6 + (chunk.chance("says so", number) * 6).astype(np.int64))
    chunk.csv(
        "survey.answers",
        out,
        {
            "answer_id": numbered("Q", number, 17),
            "respondent_email": taken(chunk.contact_email, person),
            "survey": chosen(("nps", "csat", "market_research", "psychographics"), out["survey"]),
            "question": chosen(QUESTIONS, question),
            "score": integers(np.where(out["wrong"], 99, score)),
            "scale_max": integers(scale),
            "verbatim": emptied(quoted(verbatim), ~speaks),
            "language": chosen(texts.LANGUAGES, language),
            "answered_at": times(out["t"]),
            "order_no": order_numbers(np.maximum(out["order"], 0), out["order"] < 0),
        },
    )
    new = np.flatnonzero(~out["repeated"])
    chunk.truth("survey_answers", {"answer_id": numbered("Q", number[new], 17), "person_id": chunk.ids(person[new])})


def _answer(person: Array, t: Array, number: Array, survey: int, question: int) -> Events:
    size = len(person)
    return {
        "person": person,
        "t": t,
        "number": number,
        "survey": np.full(size, survey),
        "question": np.full(size, question),
        "order": np.full(size, -1),
    }


def follows_of(chunk: Chunk) -> tuple[Array, Array]:
    """Rows of (followers, followed) among people with a handle; few people have many followers."""
    people = chunk.people
    social = np.flatnonzero(people.traits["handle"])
    if len(social) < 2:
        return social[:0], social[:0]
    parent, place = fan(poisson(chunk.chance("follows", people.index[social]), chunk.parameters.voice.follows_mean))
    follower = social[parent]
    # A power of a uniform number: handles early in the order get most followers.
    rank = chunk.chance("follows whom", people.index[follower], place) ** 2.2
    order = np.argsort(chunk.chance("popular", people.index[social]), kind="stable")
    followed = social[order][(rank * len(social)).astype(np.int64)]
    referrer = people.referrer[follower]
    friend = (place == 0) & (referrer >= 0) & people.traits["handle"][np.maximum(referrer, 0)]
    followed = np.where(friend, referrer, followed)
    pairs = np.unique(follower * (len(people) + 1) + followed)
    follower, followed = pairs // (len(people) + 1), pairs % (len(people) + 1)
    kept = follower != followed
    return follower[kept], followed[kept]


def write_social(chunk: Chunk) -> None:
    """Writes posts, mentions, reactions and follows around the company."""
    people, v = chunk.people, chunk.parameters.voice
    own = chunk.regular("post", v.posts_per_year, chunk.parameters.hours.leisure, who=people.traits["handle"])
    own["kind"] = np.array([0, 0, 1, 1, 2])[(chunk.chance("post kind", own["number"]) * 5).astype(np.int64)]
    own["target"] = np.full(len(own["t"]), -1)
    follower, followed = follows_of(chunk)
    start = np.maximum(np.maximum(people.joined[follower], people.joined[followed]), 0)
    day = start + (chunk.chance("follow when", people.index[follower], people.index[followed]) * 240).astype(np.int64)
    clock = (9 * HOUR + chunk.chance("follow at", people.index[follower], people.index[followed]) * 12 * HOUR).astype(
        np.int64
    )
    # Follows use block 9,000; posts use blocks below 5,000.
    number = chunk.numbers(np.full(len(follower), 9_000), np.arange(len(follower)))
    follows = {
        "person": follower,
        "day": day,
        "t": chunk.calendar.seconds(day, clock),
        "number": number,
        "kind": np.full(len(follower), 3),
        "target": followed,
    }
    # Reactions go to an account that the person follows, if any.
    first = np.full(len(people), -1)
    first[follower[::-1]] = followed[::-1]
    own["target"] = np.where(own["kind"] == 2, first[own["person"]], -1)
    out = chunk.deliver(
        "social.posts",
        together([{name: part[name] for name in sorted(part)} for part in (own, follows)]),
        lambda e: numbered("P", e["number"], 15),
    )
    person, number, kind = out["person"], out["number"], out["kind"]
    state = chunk.complaint_state(person, out["t"])
    felt = (
        people.traits["satisfaction"][person] - np.array([0.0, v.resolved_complaint_loss, v.open_complaint_loss])[state]
    )
    mood = np.where(felt >= 8, 2, np.where(felt >= 5.5, 1, 0))
    language = people.language[person]
    said = [text for of_language in texts.VERBATIMS for of_mood in of_language for text in of_mood]
    text = chosen(said, (language * 3 + mood) * 6 + (chunk.chance("posts what", number) * 6).astype(np.int64))
    text = emptied(text, kind >= 2)
    target = where(kind == 1, "@veloheld", emptied(handles(chunk, np.maximum(out["target"], 0)), out["target"] < 0))
    likes = np.floor(exponential(chunk.chance("likes", number), 4.0)).astype(np.int64)
    chunk.jsonl(
        "social.posts",
        out,
        {
            "post_id": numbered("P", number, 15),
            "network": chosen(NETWORKS, people.traits["network"][person]),
            "handle": where(out["wrong"], "", handles(chunk, person)),
            "kind": chosen(("post", "mention", "reaction", "follow"), kind),
            "target_handle": target,
            "text": text,
            "posted_at": times(out["t"]),
            "likes": pa.array(np.where(kind < 2, likes, 0)),
            "language": chosen(texts.LANGUAGES, language),
        },
    )
