"""Draws the people of one chunk: traits, households, identifiers, and the days on which these change.

A person depends on the seed, the chunk and the position in it, never on the number of days that are written. A later
delivery therefore finds the same people.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from examples.veloheld.generator import names
from examples.veloheld.generator.clock import days_since_unix
from examples.veloheld.generator.columns import chosen, joined, taken, where
from examples.veloheld.generator.draws import generator, pick
from examples.veloheld.generator.errors import address_form
from examples.veloheld.generator.parameters import Parameters
from examples.veloheld.generator.people import NEVER, PHONES, SYSTEMS, Homes, People, scrambled

Array = np.ndarray[Any, Any]


def people_of(seed: int, chunk: int, customers: int, parameters: Parameters) -> People:
    """Draws the people of a chunk.

    Args:
        seed: seed of the company.
        chunk: number of the chunk, from 0 on.
        customers: customers in the chunk; visitors of the web site are added.
        parameters: parameters of the processes.

    Returns: parallel arrays, customers first.
    """
    # Longer than 60 lines: all draws share one generator, so their order is part of the data.
    p, company = parameters.population, parameters.company
    rng = generator(seed, chunk, "people")
    visitors = int(round(customers * company.visitors_per_customer))
    size = customers + visitors
    stride = int(company.chunk_customers * (1 + company.visitors_per_customer)) + 1
    index = chunk * stride + np.arange(size)

    # Households of one to four customers; every visitor of the web site lives alone.
    sizes = 1 + pick(rng, np.array(p.household_size_shares), customers)
    household_of_customers = np.repeat(np.arange(customers), sizes)[:customers]
    count = int(household_of_customers[-1]) + 1
    household = np.concatenate([household_of_customers, count + np.arange(visitors)])
    households = count + visitors
    first = np.searchsorted(household, np.arange(households))
    place = np.arange(size) - first[household]
    members = np.bincount(household, minlength=households)

    shares = np.array(p.household_size_shares)
    mean = float((shares * np.arange(1, 5)).sum())
    twin_chance = p.twin_share * mean / (2 * shares[1])
    parent_chance = p.parent_child_same_initial_share * mean / (2 * shares[1])
    kind_draw = rng.random(households)
    two = members == 2
    twins = two & (kind_draw < twin_chance)
    parents = two & (kind_draw >= twin_chance) & (kind_draw < twin_chance + parent_chance)
    head = place == 0
    is_twin, is_parent_pair = twins[household], parents[household]
    child = (place >= 2) | (is_parent_pair & (place == 1))

    country = pick(rng, np.array(p.country_shares), households)[household]
    head_age = np.clip(rng.normal(p.mean_age_years, p.deviation_age_years, households), 19, 88)
    head_age = np.where(parents | (members > 2), np.clip(head_age, 44, 80), head_age)[household]
    age = np.where(head, head_age, head_age + rng.normal(0, 3.5, size))
    age = np.where(child, np.maximum(head_age - rng.uniform(24, 36, size), 16.2), np.clip(age, 18, 92))
    near = rng.random(size) < 0.6  # the other pairs are siblings, a year or two apart
    age = np.where(is_twin, np.where(near[first[household]], head_age, head_age - 1.7 * place), age)
    start = days_since_unix(company.starts_on)
    birth = start - np.round(age * 365.25, 3).astype(np.int64)
    birth = np.where(age == head_age, birth[first[household]], birth)

    gender = (rng.random(size) < 0.5).astype(np.int64)
    partner = (place == 1) & ~child & ~is_twin
    opposite = 1 - gender[first[household]]
    gender = np.where(partner & (rng.random(size) < 0.95), opposite, gender)
    gender = np.where((is_twin | is_parent_pair) & ~head, gender[first[household]], gender)
    named_as = gender.copy()
    gender = np.where(rng.random(size) < p.x_gender_share, 2, gender)

    given = _given(rng, country, named_as, p.zipf_given)
    given = np.where(is_twin & ~head, _similar(given[first[household]], country, named_as), given)
    same_name = rng.random(size) < 0.4
    child_given = np.where(same_name, given[first[household]], _similar(given[first[household]], country, named_as))
    given = np.where(is_parent_pair & ~head, child_given, given)
    family = _family(rng, country, p.zipf_family)
    keeps = partner & (rng.random(size) >= p.partner_takes_name_share)
    family = np.where(keeps, family, family[first[household]])

    language = np.where(country == 1, 1, 0)
    language = np.where(rng.random(size) < p.expat_english_share, 2, language)

    homes = _homes(rng, households, country[first], p.zipf_street, chunk * stride)
    moved_home = np.round(rng.exponential(365.25 / p.moves_per_year, households)).astype(np.int64)
    tablet = (rng.random(households) < p.shared_tablet_household_share) & (members > 1)
    shared_mail = (members > 1) & (rng.random(households) < p.shared_email_household_share)
    address_owner = np.where(shared_mail[household], first[household], np.arange(size))

    # Telephone numbers, and numbers that belonged to another person before.
    changed = np.round(rng.exponential(365.25 / p.phone_changes_per_year, size)).astype(np.int64)
    phone, new_phone = index.copy(), index + PHONES
    phone_country, new_country = country.copy(), country.copy()
    recycled_from = np.full(size, -1)
    heirs = int(round(p.recycled_phone_share * customers))
    if heirs and 2 * heirs <= customers:
        drawn = rng.permutation(customers)[: 2 * heirs]
        donors, inheriting = drawn[:heirs], drawn[heirs:]
        changed[donors] = rng.integers(20, 380, heirs)
        changed[inheriting] = changed[donors] + rng.integers(p.recycled_after_days[0], p.recycled_after_days[1], heirs)
        new_phone[inheriting], new_country[inheriting] = phone[donors], country[donors]
        recycled_from[inheriting] = donors

    before = rng.random(size) < company.joined_before_share
    early = -np.ceil(rng.random(size) * company.history_days).astype(np.int64)
    late = (rng.random(size) * company.newest_join_days).astype(np.int64)
    join = np.where(before, early, late)

    m = parameters.membership
    kinds = list(m.shares)
    kind = pick(rng, np.array(list(m.shares.values())), size)
    customer = np.arange(size) < customers
    letters = {"crm": "c", "shop": "s", "loyalty": "l"}
    member, recorded, move_recorded, phone_recorded, uses_work = {}, {}, {}, {}, {}
    order = rng.random((3, size))
    for number, system in enumerate(SYSTEMS):
        has = np.array([letters[system] in name for name in kinds])[kind] & customer
        member[system] = has
        others = np.ones(size, dtype=bool)
        for other_number, other in enumerate(SYSTEMS):
            if other != system:
                knows = np.array([letters[other] in name for name in kinds])[kind]
                others &= ~knows | (order[number] < order[other_number])
        wait = np.round(rng.exponential(m.second_record_mean_days, size)).astype(np.int64)
        recorded[system] = np.where(has, np.where(others, join, join + wait), NEVER)
        reports = rng.random(size) < m.mover_reports_share
        wait = 1 + np.round(rng.exponential(m.mover_reports_mean_days, size)).astype(np.int64)
        move_recorded[system] = np.where(reports, moved_home[household] + wait, NEVER)
        reports = rng.random(size) < m.phone_reported_share
        phone_recorded[system] = np.where(reports, changed + wait, NEVER)
        uses_work[system] = rng.random(size) < m.work_email_share
    guest = np.array([name == "g" for name in kinds])[kind] & customer

    email, work_email = _emails(rng, index, country, given, family, address_owner)
    people = People(
        seed,
        chunk,
        customers,
        index,
        country,
        gender,
        birth,
        given,
        family,
        language,
        household,
        place,
        homes,
        moved_home[household],
        tablet[household],
        is_twin & customer,
        is_parent_pair & customer,
        address_owner,
        email,
        work_email,
        uses_work,
        phone,
        new_phone,
        phone_country,
        new_country,
        changed,
        recycled_from,
        join,
        member,
        guest,
        recorded,
        move_recorded,
        phone_recorded,
        np.full(size, -1),
    )
    people.traits.update(_traits(people, parameters))
    people.referrer[:] = _referrers(people, parameters)
    return people


def _given(rng: np.random.Generator, country: Array, gender: Array, zipf: float) -> Array:
    _, lists = names.given_names()
    out = np.zeros(len(country), dtype=np.int64)
    chance = rng.random(len(country))
    for (code, sex), positions in lists.items():
        rows = (country == code) & (gender == sex)
        out[rows] = np.array(positions)[_zipf(chance[rows], len(positions), zipf)]
    return out


def _zipf(chance: Array, count: int, power: float) -> Array:
    weights = 1.0 / np.arange(2, count + 2) ** power
    cumulated = np.cumsum(weights)
    return np.searchsorted(np.round(cumulated / cumulated[-1], 12), chance, side="right").clip(0, count - 1)


def _similar(given: Array, country: Array, gender: Array) -> Array:
    """Another name of the same country, gender and first letter: the confusable pairs of twins and parents."""
    out = given.copy()
    all_names, lists = names.given_names()
    for (code, sex), positions in lists.items():
        following = np.arange(len(all_names))
        by_letter: dict[str, list[int]] = {}
        for position in positions:
            by_letter.setdefault(all_names[position][0], []).append(position)
        for same in by_letter.values():
            for position, after in zip(same, same[1:] + same[:1], strict=True):
                following[position] = after
        rows = (country == code) & (gender == sex)
        out[rows] = following[given[rows]]
    return out


def _family(rng: np.random.Generator, country: Array, zipf: float) -> Array:
    _, lists = names.family_names()
    out = np.zeros(len(country), dtype=np.int64)
    chance = rng.random(len(country))
    for code, positions in enumerate(lists):
        rows = country == code
        out[rows] = np.array(positions)[_zipf(chance[rows], len(positions), zipf)]
    return out


def _homes(rng: np.random.Generator, households: int, country: Array, zipf: float, before: int) -> Homes:
    towns = names.towns()
    _, lists = names.streets()
    size = 2 * households
    country = np.concatenate([country, country])
    town, street = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    chance, stays, chance_street = rng.random(size), rng.random(size), rng.random(size)
    for code, positions in enumerate(lists):
        rows = country == code
        of_country = np.array([number for number, entry in enumerate(towns) if entry[1] == code])
        weights = np.cumsum([towns[number][2] for number in of_country])
        town[rows] = of_country[np.searchsorted(weights, chance[rows] * weights[-1], side="right")]
        street[rows] = np.array(positions)[_zipf(chance_street[rows], len(positions), zipf)]
    half = np.arange(households)
    nearby = stays[half] < 0.6  # most moves stay in town
    town[households:][nearby] = town[:households][nearby]
    low = np.array([entry[3] for entry in towns])[town]
    high = np.array([entry[4] for entry in towns])[town]
    postcode = low + (rng.random(size) * (high - low + 1)).astype(np.int64)
    number = 1 + np.floor(rng.exponential(38, size)).astype(np.int64)
    addition = np.where(rng.random(size) < 0.11, 1 + (rng.random(size) * 5).astype(np.int64), 0)
    letters = (rng.random(size) * 400).astype(np.int64)
    latitude = np.array([entry[5] for entry in towns])[town] + np.round(rng.normal(0, 0.025, size), 5)
    longitude = np.array([entry[6] for entry in towns])[town] + np.round(rng.normal(0, 0.04, size), 5)
    landline = 1_000_000 + scrambled(before + np.arange(households), "phone", 9_000_000)
    return Homes(street, number, addition, postcode, letters, town, latitude, longitude, country, households, landline)


def _emails(
    rng: np.random.Generator, index: Array, country: Array, given: Array, family: Array, owner: Array
) -> tuple[pa.Array, pa.Array]:
    given_forms = pa.array([address_form(name) for name in names.given_names()[0]])
    initials = pa.array([address_form(name)[0] for name in names.given_names()[0]])
    family_forms = pa.array([address_form(name) for name in names.family_names()[0]])
    first, last = taken(given_forms, given), taken(family_forms, family)
    pattern = pick(rng, np.array([0.45, 0.25, 0.15, 0.15]), len(index))
    # The number makes the address unique, as when the plain address is taken.
    number = pa.array((index + 11).astype(str).tolist())
    local = where(
        pattern == 0,
        joined(first, ".", last, number),
        where(
            pattern == 1,
            joined(taken(initials, given), ".", last, number),
            where(pattern == 2, joined(last, ".", first, number), joined(first, number, "_", last)),
        ),
    )
    domains = [domain for code in names.COUNTRIES for domain in names.POST_DOMAINS[code]]
    domain = chosen(domains, country * 5 + pick(rng, np.array(names.POST_DOMAIN_WEIGHTS), len(index)))
    own = joined(local, "@", domain)
    work_domain = chosen(list(names.WORK_DOMAINS), index * 7 % len(names.WORK_DOMAINS))
    work = joined(taken(initials, given), last, number, "@", work_domain)
    return taken(own, owner), work


def _traits(people: People, parameters: Parameters) -> dict[str, Array]:
    """Latent traits of each person, which the company does not see."""
    rng = generator(people.seed, people.chunk, "traits")
    size = len(people)
    customer = np.arange(size) < people.customers
    b, w, e, v, a = parameters.purchases, parameters.web, parameters.email, parameters.voice, parameters.app
    leaves = np.clip(rng.beta(b.dropout_a, b.dropout_b, size), 1e-6, 1.0)
    account = people.member["crm"] | people.member["shop"]
    reachable = people.member["crm"] | people.member["shop"] | people.member["loyalty"] | people.guest
    web_rate = rng.gamma(w.session_shape, w.sessions_per_year / w.session_shape, size) / 365.25
    visitor_rate = rng.gamma(w.session_shape, w.visitor_sessions_per_year / w.session_shape, size) / 365.25
    satisfaction = np.clip(rng.normal(v.satisfaction_mean, v.satisfaction_deviation, size), 0, 10)
    lines = rng.gamma(0.8, 1.0, (size, 5)) + 1e-9
    withdrawn = np.round(rng.exponential(365.25 / e.withdrawals_per_year, size)).astype(np.int64)
    newsletter = reachable & (rng.random(size) < e.newsletter_consent_share)
    app_user = account & (rng.random(size) < a.user_share)
    return {
        "rate": np.where(customer, np.round(rng.gamma(b.rate_shape, 1.0 / b.rate_scale_days, size), 12), 0.0),
        "dropout": np.round(leaves, 9),
        "lifetime_repeats": rng.geometric(np.round(leaves, 9)),
        "spend_rate": np.round(rng.gamma(b.spend_mix_shape, 1.0 / b.spend_scale_eur, size), 9),
        "store_habit": np.round(
            rng.normal(0, b.store_habit_deviation, (size, 1)) + rng.normal(0, b.store_line_deviation, (size, 5)), 9
        ),
        "line_taste": np.round(lines / lines.sum(axis=1, keepdims=True), 9),
        "web_rate": np.round(np.where(customer, web_rate, visitor_rate), 12),
        "logs_in": np.where(account & (rng.random(size) >= w.never_log_in_share), 1.0, 0.0),
        "device_taste": pick(rng, np.array(w.device_shares), size),
        "open_rate": np.round(rng.beta(e.open_a, e.open_b, size), 9),
        "newsletter": newsletter,
        "withdrawn": np.where(newsletter, np.maximum(withdrawn, people.joined + 10), NEVER),
        "withdrawn_by_link": rng.random(size) < e.unsubscribe_link_share,
        "uplift": np.round(rng.beta(parameters.campaigns.uplift_a, parameters.campaigns.uplift_b, size), 9),
        "satisfaction": np.round(satisfaction, 6),
        "app_user": app_user,
        "app_login_after": np.where(
            rng.random(size) < a.login_share, np.round(rng.exponential(15, size)).astype(np.int64), NEVER
        ),
        "locates": app_user & (rng.random(size) < a.location_share),
        "bluetooth": app_user & (rng.random(size) < a.beacon_share),
        "handle": customer & (rng.random(size) < parameters.population.handle_share),
        "panel": reachable & (rng.random(size) < parameters.population.panel_share),
        "content_taste": (rng.random(size) * 6).astype(np.int64),
        "mind": np.round(rng.normal(0, 1, (size, 5)), 4),
        "income": np.clip(np.round(rng.normal(2, 1, size)), 0, 4).astype(np.int64),
        "occupation": (rng.random(size) ** 1.3 * len(names.OCCUPATIONS)).astype(np.int64),
        "network": pick(rng, np.array([0.45, 0.35, 0.2]), size),
        "km_per_day": np.round(
            rng.gamma(parameters.bikes.km_per_day_shape, 1, size)
            * (parameters.bikes.km_per_day_mean / parameters.bikes.km_per_day_shape),
            4,
        ),
    }


def _referrers(people: People, parameters: Parameters) -> Array:
    rng = generator(people.seed, people.chunk, "referrals")
    size = len(people)
    brought = (people.joined >= 0) & (np.arange(size) < people.customers)
    brought &= rng.random(size) < parameters.purchases.referral_share
    promoters = np.flatnonzero((people.traits["satisfaction"] >= 8.5) & (np.arange(size) < people.customers))
    promoters = promoters[np.argsort(people.joined[promoters], kind="stable")]
    chance = rng.random(size)
    out = np.full(size, -1)
    known = np.searchsorted(people.joined[promoters], people.joined - 30, side="left")
    ready = brought & (known > 0)
    out[ready] = promoters[(chance[ready] * known[ready]).astype(np.int64)]
    return out
