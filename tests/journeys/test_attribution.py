"""Removal effects, compared with three journeys worked out by hand and with removing each touch in turn."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from orchestration.journeys.attribution import prepare_removal_effects, removal_effects, write_removal_effects

# Three journeys: A, B, purchase; A, lost; B, A, purchase. States: 0 start, 1 A, 2 B, 3 purchase, 4 lost.
MOVES = [(0, 1, 2), (0, 2, 1), (1, 2, 1), (1, 4, 1), (1, 3, 1), (2, 3, 1), (2, 1, 1)]


def _columns(moves: list[tuple[int, int, int]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*moves, strict=True)]


def test_three_journeys_give_the_removal_effects_worked_out_by_hand() -> None:
    # P(purchase) is 3/5 from A and 4/5 from B, so from the start 2/3 * 3/5 + 1/3 * 4/5 = 2/3.
    # Without A only start, B, purchase is left: 1/3 * 1/2 = 1/6, a quarter of 2/3. Without B only start, A, purchase:
    # 2/3 * 1/3 = 2/9, a third of 2/3.
    assert removal_effects(*_columns(MOVES), touches=2) == pytest.approx([3 / 4, 2 / 3])


def test_journeys_without_a_purchase_change_the_effects() -> None:
    # Nine more people reach A and leave: without A no purchase of theirs is lost, but fewer walks pass B.
    more = [(0, 1, 2 + 9), *MOVES[1:3], (1, 4, 1 + 9), *MOVES[4:]]
    # a = b/12 + 1/12, b = 1/2 + a/2: a = 3/23, b = 13/23; P = 11/12 a + 1/12 b = 46/276 = 1/6.
    # Without A: 1/12 * 1/2 = 1/24. Without B: 11/12 * 1/12 = 11/144.
    assert removal_effects(*_columns(more), touches=2) == pytest.approx([1 - 6 / 24, 1 - 6 * 11 / 144])


def test_touch_on_every_purchase_path_has_effect_one_and_touch_on_none_has_zero() -> None:
    moves = [(0, 1, 5), (1, 4, 5), (0, 2, 3), (2, 5, 3)]  # 4 purchase, 5 lost; the third touch is never seen
    assert removal_effects(*_columns(moves), touches=3) == pytest.approx([1, 0, 0])


def test_without_any_purchase_all_effects_are_zero() -> None:
    assert removal_effects(*_columns([(0, 1, 5), (1, 3, 5)]), touches=1) == pytest.approx([0])


@pytest.mark.parametrize("seed", range(20))
def test_effects_equal_those_of_removing_each_touch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    touches = int(rng.integers(2, 12))
    counts = rng.integers(0, 6, (touches + 1, touches + 3))
    counts[:, 0] = 0  # no move leads back to the start
    counts[0, touches + 1 :] = 0  # every path has a touch
    counts[:, touches + 2] += 1  # and can end
    chances = counts / counts.sum(axis=1, keepdims=True)

    def bought(moves: np.ndarray) -> float:
        """The probability of a purchase, by walking until every walk has ended."""
        at, buyers = np.eye(touches + 1)[0], 0.0
        for _ in range(3_000):
            at = at @ moves
            buyers += at[touches + 1]
            at = at[: touches + 1]
        return buyers

    expected = []
    for touch in range(1, touches + 1):
        without = chances.copy()
        without[touch] = 0
        without[touch, touches + 2] = 1
        expected.append(1 - bought(without) / bought(chances))
    before, after = np.nonzero(counts)
    found = removal_effects(before, after, counts[before, after], touches)
    assert found == pytest.approx(expected, abs=1e-9)


def test_each_product_line_has_its_own_chain_and_writing_twice_changes_nothing() -> None:
    connection = duckdb.connect()
    prepare_removal_effects(connection)
    kinds = {0: ("start", None), 1: ("url", "A"), 2: ("coupon", "B"), 3: ("purchased", None), 4: ("lost", None)}
    rows = [("bikes", *kinds[before], *kinds[after], count) for before, after, count in MOVES]
    rows += [("parts", "start", None, "url", "A", 4), ("parts", "url", "A", "purchased", None, 1)]
    rows += [("parts", "url", "A", "lost", None, 3), ("lease", "start", None, "url", "A", 1)]
    rows += [("lease", "url", "A", "lost", None, 1)]
    connection.execute(
        "create table moves (product_line varchar, from_kind varchar, from_value varchar, to_kind varchar,"
        " to_value varchar, transition_count bigint)"
    )
    connection.executemany("insert into moves values (?, ?, ?, ?, ?, ?)", rows)
    for _ in range(2):
        assert write_removal_effects(connection, "moves") == 4
        found = connection.execute("from attribution.removal_effect order by all").fetchall()
        assert found == [
            ("bikes", "coupon", "B", pytest.approx(2 / 3)),
            ("bikes", "url", "A", pytest.approx(3 / 4)),
            ("lease", "url", "A", 0),
            ("parts", "url", "A", pytest.approx(1)),
        ]


def test_no_transitions_give_an_empty_table() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table moves (product_line varchar, from_kind varchar, from_value varchar, to_kind varchar,"
        " to_value varchar, transition_count bigint)"
    )
    assert write_removal_effects(connection, "moves") == 0
