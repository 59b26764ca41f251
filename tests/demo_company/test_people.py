"""Awkward cases occur at the rates of the parameters, and local time follows the time zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from examples.veloheld.generator import clock
from examples.veloheld.generator.draws import uniform
from examples.veloheld.generator.errors import misspelled, without_accents
from examples.veloheld.generator.parameters import load_parameters
from examples.veloheld.generator.people import People, phone_numbers
from examples.veloheld.generator.population import people_of

P = load_parameters()
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.fixture(scope="module")
def people() -> People:
    return people_of(3, 1, 20_000, P)


def near(share: float, count: int) -> float:
    """Four standard deviations of a share, twice as wide because members of a household are not independent."""
    return 8 * np.sqrt(share * (1 - share) / count)


def test_a_third_of_customers_has_records_in_two_or_more_systems(people: People) -> None:
    systems = sum(people.member[system].astype(int) for system in ("crm", "shop", "loyalty"))
    expected = sum(share for name, share in P.membership.shares.items() if len(name) > 1)
    assert expected == pytest.approx(0.35)
    assert (systems > 1)[: people.customers].mean() == pytest.approx(expected, abs=near(expected, people.customers))


def test_twins_live_together_and_have_similar_names(people: People) -> None:
    expected = P.population.twin_share
    assert people.twin[: people.customers].mean() == pytest.approx(expected, abs=near(expected, people.customers))
    second = np.flatnonzero(people.twin & (people.place == 1))
    assert (people.household[second] == people.household[second - 1]).all()
    assert (people.family[second] == people.family[second - 1]).all()
    same_day = people.birth[second] == people.birth[second - 1]
    assert 0.3 < same_day.mean() < 0.9
    assert (people.given[second] != people.given[second - 1]).mean() > 0.8


def test_father_and_son_share_their_initial(people: People) -> None:
    from examples.veloheld.generator.names import given_names

    names = given_names()[0]
    second = np.flatnonzero(people.same_initial & (people.place == 1))
    assert len(second) > 100
    assert all(names[people.given[row]][0] == names[people.given[row - 1]][0] for row in second)
    assert (people.birth[second] - people.birth[second - 1] > 20 * 365).all()


def test_some_households_use_one_address_and_share_a_tablet(people: People) -> None:
    members = np.bincount(people.household)
    several = np.flatnonzero(members > 1)
    shares_mail = np.unique(people.household[people.address_owner != np.arange(len(people))])
    p = P.population
    assert len(shares_mail) / len(several) == pytest.approx(
        p.shared_email_household_share, abs=near(p.shared_email_household_share, len(several))
    )
    tablets = np.unique(people.household[people.tablet])
    assert len(tablets) / len(several) == pytest.approx(
        p.shared_tablet_household_share, abs=near(p.shared_tablet_household_share, len(several))
    )


def test_recycled_numbers_were_unused_for_months_and_have_one_new_owner(people: People) -> None:
    heirs = np.flatnonzero(people.recycled_from >= 0)
    assert len(heirs) == round(P.population.recycled_phone_share * people.customers)
    donors = people.recycled_from[heirs]
    gap = people.phone_changed[heirs] - people.phone_changed[donors]
    low, high = P.population.recycled_after_days
    assert gap.min() >= low and gap.max() < high
    first = phone_numbers(people.phone_country, people.phone).to_pylist()
    assert len(set(first)) == len(first)


def test_first_names_follow_a_skewed_distribution(people: People) -> None:
    counts = np.sort(np.bincount(people.family))[::-1]
    assert counts[:10].sum() / counts.sum() > 0.12
    assert (counts > 0).sum() > 600


def test_customers_joined_before_the_first_day_in_the_stated_share(people: People) -> None:
    joined = people.joined[: people.customers]
    share = P.company.joined_before_share
    assert (joined < 0).mean() == pytest.approx(share, abs=near(share, len(joined)))


def test_clock_agrees_with_the_time_zone_tables() -> None:
    seconds = np.arange(1_704_067_200, 1_830_297_600, 1_800)
    ours = clock.utc_offset(seconds)
    sample = seconds[::97]
    theirs = [datetime.fromtimestamp(int(s), AMSTERDAM).utcoffset().total_seconds() for s in sample]
    assert (ours[::97] == np.array(theirs)).all()


def test_hour_skipped_in_spring_moves_to_the_next_hour() -> None:
    local = np.array([np.datetime64("2025-03-30T02:30:00").astype("datetime64[s]").astype(np.int64)])
    assert clock.to_utc(local)[0] == np.datetime64("2025-03-30T01:30:00").astype("datetime64[s]").astype(np.int64)
    assert clock.to_local(clock.to_utc(local))[0] - local[0] == clock.HOUR


def test_hour_repeated_in_autumn_can_be_either() -> None:
    local = np.array([np.datetime64("2025-10-26T02:30:00").astype("datetime64[s]").astype(np.int64)] * 2)
    first, second = clock.to_utc(local, second_time=np.array([False, True]))
    assert second - first == clock.HOUR
    assert (clock.to_local(np.array([first, second])) == local).all()


@pytest.mark.parametrize(
    ("kind", "word", "possible"),
    [
        (0, "Bakker", {"Bkaker", "Bakkre", "Bakekr", "Bakker"}),
        (1, "Bakker", {"Bkker", "Baker", "Bakkr"}),
        (2, "Bakker", {"Baakker", "Bakkker", "Bakkeer"}),
        (3, "Bakker", {"Bskker", "Balker", "Baklker", "Bakler", "Bakkrr"}),
    ],
)
def test_typing_error_is_one_of_its_kind(kind: int, word: str, possible: set[str]) -> None:
    chance = uniform(1, "typing", np.arange(200))
    shares = [0.0, 0.0, 0.0, 0.0]
    shares[kind] = 1.0
    written = misspelled(pa.array([word] * 200), np.ones(200, dtype=bool), chance, shares)
    assert set(written.to_pylist()) <= possible


def test_short_words_and_other_rows_stay_as_they_are() -> None:
    texts = pa.array(["Bos", "Bakker"])
    written = misspelled(texts, np.array([True, False]), np.array([0.5, 0.5]), [1, 0, 0, 0])
    assert written.to_pylist() == ["Bos", "Bakker"]


def test_accents_are_lost_letter_by_letter() -> None:
    assert [without_accents(name) for name in ("Müller", "Weiß", "Zoë", "Yıldız")] == [
        "Muller",
        "Weiss",
        "Zoe",
        "Yildiz",
    ]
