"""Deliveries of the systems against the truth and the stated processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from math import sqrt

import pytest

from examples.veloheld.generator.company import CompanySummary
from examples.veloheld.generator.parameters import load_parameters

P = load_parameters()
Ask = Callable[[str], list[tuple]]


def near(share: float, count: int) -> float:
    """Five standard deviations of a share."""
    return 5 * sqrt(share * (1 - share) / count)


@pytest.mark.parametrize(
    ("ids", "truth"),
    [
        ("SELECT session_id FROM {web}", "SELECT session_id FROM {truth:web_sessions}"),
        ("SELECT cookie_id FROM {web}", "SELECT cookie_id FROM {truth:cookies}"),
        ("SELECT device_id FROM {app}", "SELECT device_id FROM {truth:devices}"),
        ("SELECT device_id FROM {pings}", "SELECT device_id FROM {truth:devices}"),
        ("SELECT device_id FROM {beacon}", "SELECT device_id FROM {truth:devices}"),
        ("SELECT bike_serial FROM {sensor}", "SELECT bike_serial FROM {truth:bikes}"),
        ("SELECT bike_serial FROM {bikes}", "SELECT bike_serial FROM {truth:bikes}"),
        ("SELECT order_no FROM {orders}", "SELECT order_no FROM {truth:orders}"),
        ("SELECT receipt_no FROM {receipts} WHERE line_no = '1'", "SELECT receipt_no FROM {truth:receipts}"),
        ("SELECT card_no FROM {receipts}", "SELECT record_id FROM {truth:records} WHERE system = 'loyalty'"),
        ("SELECT card_no FROM {members}", "SELECT record_id FROM {truth:records} WHERE system = 'loyalty'"),
        ("SELECT customer_no FROM {customers}", "SELECT record_id FROM {truth:records} WHERE system = 'shop'"),
        ("SELECT customer_no FROM {orders}", "SELECT record_id FROM {truth:records} WHERE system = 'shop'"),
        ("SELECT handle FROM {posts} WHERE handle <> ''",
         "SELECT record_id FROM {truth:records} WHERE system = 'social'"),
        ("SELECT call_id FROM {calls}", "SELECT call_id FROM {truth:calls}"),
        ("SELECT conversation_id FROM {chat}", "SELECT conversation_id FROM {truth:conversations}"),
        ("SELECT answer_id FROM {answers}", "SELECT answer_id FROM {truth:survey_answers}"),
        ("SELECT left(event_id, 16) FROM {email} WHERE kind <> 'unsubscribed'",
         "SELECT left(event_id, 16) FROM {truth:email_sends}"),
    ],
)  # fmt: skip
def test_every_id_belongs_to_a_person(ask: Ask, ids: str, truth: str) -> None:
    unknown = ask(f"SELECT count(*) FROM ({ids}) AS found(id) WHERE id IS NOT NULL AND id NOT IN ({truth})")
    assert unknown == [(0,)]
    assert ask(f"SELECT count(*) > 100 FROM ({ids})") == [(True,)]


def test_every_account_belongs_to_a_person_and_the_databases_are_complete(company: CompanySummary, ask: Ask) -> None:
    known = {row[0] for row in ask("SELECT record_id FROM {truth:records} WHERE system = 'crm'")}
    with sqlite3.connect(company.folder / "sources/crm/crm.db") as crm:
        assert crm.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        accounts = {row[0] for row in crm.execute("SELECT account_id FROM accounts")}
        assert {row[0] for row in crm.execute("SELECT account_id FROM appointments")} <= accounts
        assert {row[0] for row in crm.execute("SELECT account_id FROM social_handles")} <= accounts
        missing, given = crm.execute("SELECT sum(birth_date IS NULL), count(*) FROM accounts").fetchone()
    assert accounts == known
    share = P.errors.missing_birth_date_share
    assert missing / given == pytest.approx(share, abs=near(share, given))
    with sqlite3.connect(company.folder / "sources/helpdesk/helpdesk.db") as helpdesk:
        assert helpdesk.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        wrong = helpdesk.execute(
            "SELECT count(*) FROM complaints c WHERE status <> (SELECT status FROM complaint_history h "
            "WHERE h.complaint_id = c.complaint_id ORDER BY changed_at DESC, history_id DESC LIMIT 1)"
        ).fetchone()
    assert wrong == (0,)


def test_no_row_is_older_or_newer_than_the_delivered_days(ask: Ask, company: CompanySummary) -> None:
    for stream, column in (("web", "occurred_at"), ("email", "occurred_at"), ("app", "occurred_at"),
                           ("pings", "occurred_at"), ("sensor", "occurred_at"), ("chat", "sent_at")):  # fmt: skip
        ((first, last),) = ask(f"SELECT min({column})::DATE, max({column})::DATE FROM {{{stream}}}")
        assert company.first_day <= first and last <= company.last_day, stream
        assert (last - first).days > 530, stream


def test_most_web_sessions_belong_to_cookies_that_never_log_in(ask: Ask) -> None:
    ((anonymous, later),) = ask("""
        WITH known AS (SELECT cookie_id, min(occurred_at) AS known_at FROM {web}
            WHERE email IS NOT NULL GROUP BY ALL),
        sessions AS (SELECT session_id, any_value(cookie_id) AS cookie_id, min(occurred_at) AS begun
            FROM {web} GROUP BY ALL)
        SELECT avg((known_at IS NULL)::INT), avg((begun < known_at)::INT)
        FROM sessions LEFT JOIN known USING (cookie_id)
    """)
    assert 0.5 <= anonymous < 0.85
    assert later > 0.02  # came back and logged in later


def test_shared_tablets_show_two_people_behind_one_cookie(ask: Ask) -> None:
    ((shared,),) = ask("""SELECT count(*) FROM (
        SELECT cookie_id FROM {truth:web_sessions} GROUP BY 1 HAVING count(DISTINCT person_id) > 1)""")
    assert shared > 20


def test_web_hours_follow_the_profile_in_local_time(ask: Ask) -> None:
    rows = ask("""
        SELECT hour, count(*) FROM (
            SELECT hour(timezone('Europe/Amsterdam', min(e.occurred_at))) AS hour
            FROM {web} e JOIN {truth:web_sessions} s USING (session_id) WHERE s.intent = 'browsing' GROUP BY session_id)
        GROUP BY 1 ORDER BY 1""")
    total = sum(count for _, count in rows)
    weights = P.web.hour_weights
    for hour, count in rows:
        expected = weights[hour] / sum(weights)
        assert count / total == pytest.approx(expected, abs=near(expected, total)), hour


def test_stores_sell_in_opening_hours_and_not_on_sundays(ask: Ask) -> None:
    ((hours, sundays),) = ask("""
        SELECT list_sort(list(DISTINCT hour(t))), count(*) FILTER (isodow(t) = 7) FROM (
            SELECT strptime(sold_at, '%d.%m.%Y %H:%M') AS t FROM {receipts}
            WHERE kind <> 'R' AND try_strptime(sold_at, '%d.%m.%Y %H:%M') IS NOT NULL)
    """)
    assert hours == list(range(9, 18))
    assert sundays == 0


def test_spring_sells_more_than_winter_and_saturday_more_than_sunday(ask: Ask) -> None:
    rows = dict(
        ask("""SELECT month(happened_at), count(*) FROM {truth:purchases}
            WHERE kind = 'repeat' AND happened_at BETWEEN '2024-07-01' AND '2025-07-01' GROUP BY 1""")
    )
    assert rows[5] / rows[1] > 1.4
    days = dict(ask("SELECT isodow(happened_at), count(*) FROM {truth:purchases} WHERE kind = 'repeat' GROUP BY 1"))
    assert days[6] / days[7] > 1.8


def test_order_lines_name_existing_products(ask: Ask) -> None:
    assert ask("SELECT count(*) FROM {order_lines} WHERE sku NOT IN (SELECT sku FROM {products})") == [(0,)]
    ((without,),) = ask("SELECT count(*) FROM {orders} WHERE order_no NOT IN (SELECT order_no FROM {order_lines})")
    ((late,),) = ask("SELECT count(*) FROM {truth:planted_rows} WHERE stream = 'shop.order_lines' AND kind = 'late'")
    assert without <= late + 2  # the line of an order may still be under way


def test_parts_match_the_spending_of_the_person(ask: Ask) -> None:
    ((meant, paid),) = ask("""
        WITH paid AS (SELECT order_no, sum(quantity::INT * unit_price::DOUBLE) AS eur
                      FROM (SELECT DISTINCT * FROM {order_lines}) WHERE quantity::INT > 0 GROUP BY 1)
        SELECT avg(p.spend_eur), avg(paid.eur) FROM {truth:purchases} p
        JOIN {truth:orders} o ON o.person_id = p.person_id AND p.kind = o.kind AND p.kind = 'first'
        JOIN paid USING (order_no) WHERE p.product_line = 'parts_accessories' AND p.happened_at >= '2024-07-01'
    """)
    assert paid == pytest.approx(meant, rel=0.2)


def test_web_sessions_precede_purchases(ask: Ask) -> None:
    ((before, usual),) = ask("""
        WITH s AS (SELECT t.person_id, min(e.occurred_at) AS begun FROM {web} e
                   JOIN {truth:web_sessions} t USING (session_id) WHERE intent <> 'purchase' GROUP BY t.session_id, 1),
        p AS (SELECT person_id, happened_at FROM {truth:purchases}
            WHERE happened_at >= '2024-09-01' AND happened_at < '2025-11-01')
        SELECT count(*) FILTER (s.begun BETWEEN p.happened_at - INTERVAL 14 DAY AND p.happened_at),
               count(*) FILTER (s.begun BETWEEN p.happened_at - INTERVAL 44 DAY AND p.happened_at - INTERVAL 30 DAY)
        FROM p JOIN s USING (person_id)
    """)
    assert before > 3 * usual


def test_open_complaints_lower_the_nps(ask: Ask) -> None:
    ((angry, other),) = ask("""
        WITH a AS (SELECT person_id, score::INT AS score FROM {answers}
                   JOIN {truth:survey_answers} USING (answer_id) WHERE survey = 'nps' AND score::INT <= 10),
        c AS (SELECT person_id, complaint_id FROM {truth:complaints})
        SELECT avg(score) FILTER (person_id IN (SELECT person_id FROM c)),
               avg(score) FILTER (person_id NOT IN (SELECT person_id FROM c)) FROM a
    """)
    assert other - angry > 0.2
    assert 6 < other < 9


def test_hold_outs_are_drawn_at_random_and_get_nothing(ask: Ask) -> None:
    ((share, count, approached),) = ask("""
        SELECT avg(is_holdout::INT), count(*), count(sent_at) FILTER (is_holdout = '1')
        FROM {recipients} JOIN {campaigns} USING (campaign_id) WHERE has_holdout = '1'
    """)
    expected = P.campaigns.holdout_share
    assert share == pytest.approx(expected, abs=near(expected, count))
    assert approached == 0
    ((held, treated),) = ask("""SELECT count(*) FILTER (is_holdout AND bought_because),
        avg(bought_because::INT) FILTER (NOT is_holdout) FROM {truth:campaign_reactions}""")
    assert held == 0
    assert 0.4 * P.campaigns.uplift_mean < treated < 1.1 * P.campaigns.uplift_mean  # some have left for good


def test_withdrawn_customers_get_planted_offers_only(ask: Ask) -> None:
    ((unplanned, planted),) = ask("""
        WITH gone AS (SELECT email, min(changed_at::TIMESTAMPTZ) AS begun FROM {consents}
                      WHERE granted = '0' AND source <> 'registration' GROUP BY 1),
        known AS (SELECT email, any_value(person_id) AS person_id FROM (
            SELECT email, person_id FROM {truth:persons} UNION ALL SELECT work_email, person_id FROM {truth:persons})
            GROUP BY 1 HAVING count(DISTINCT person_id) = 1)
        SELECT count(*) FILTER (c.person_id IS NULL), count(*) FILTER (c.person_id IS NOT NULL)
        FROM {email} e JOIN gone USING (email) JOIN known USING (email)
        LEFT JOIN {truth:offer_conflicts} c ON c.person_id = known.person_id AND c.kind = 'after_opt_out'
        WHERE e.kind = 'sent' AND e.occurred_at > gone.begun + INTERVAL 1 DAY
    """)
    assert unplanned == 0
    assert planted > 0


def test_planted_discount_conflicts_are_in_the_recipients(ask: Ask) -> None:
    rows = ask("""
        SELECT count(*), count(*) FILTER (a.sku = b.sku AND a.discount_percent <> b.discount_percent
                                          AND a.channel <> b.channel)
        FROM {truth:offer_conflicts} c JOIN {offers} a USING (offer_id) JOIN {offers} b ON b.offer_id = c.other_offer_id
    """)
    ((all_pairs, conflicting),) = rows
    assert all_pairs == conflicting > 30


def test_share_of_planted_rows_matches_the_parameters(ask: Ask, company: CompanySummary) -> None:
    counts = dict(ask("SELECT kind, count(*) FROM {truth:planted_rows} GROUP BY 1"))
    rows = sum(count for name, count in company.rows.items() if name.split(".")[0] not in ("crm", "helpdesk", "chat"))
    e = P.errors
    for kind, share in (("late", e.late_row_share), ("repeated", e.repeated_row_share), ("wrong", e.wrong_row_share)):
        assert counts[kind] / rows == pytest.approx(share, abs=near(share, rows) + 0.02 * share), kind


def test_repeated_rows_really_occur_twice(ask: Ask) -> None:
    ((planted, twice),) = ask("""
        WITH p AS (SELECT record_id FROM {truth:planted_rows} WHERE stream = 'web.events' AND kind = 'repeated'),
        n AS (SELECT event_id, count(*) AS times FROM {web} GROUP BY 1)
        SELECT count(*), count(*) FILTER (times = 2) FROM p JOIN n ON n.event_id = p.record_id
    """)
    assert planted == twice > 100
    ((others,),) = ask("""SELECT count(*) FROM (SELECT event_id FROM {web} GROUP BY 1 HAVING count(*) > 1)
        WHERE event_id NOT IN (SELECT record_id FROM {truth:planted_rows} WHERE kind = 'repeated')""")
    assert others == 0


def test_odometers_never_run_backwards(ask: Ask) -> None:
    assert ask("""
        SELECT count(*) FROM (SELECT odometer_km - lag(odometer_km) OVER (PARTITION BY bike_serial ORDER BY occurred_at)
                              AS more FROM (SELECT DISTINCT * FROM {sensor})) WHERE more < 0
    """) == [(0,)]


def test_planted_needs_have_evidence(ask: Ask, company: CompanySummary) -> None:
    ((in_web, found_web),) = ask("""SELECT count(*), count(*) FILTER (session_id IN (SELECT session_id FROM {web}))
        FROM {truth:needs} WHERE session_id IS NOT NULL AND happened_at > '2024-07-02'""")
    assert in_web == pytest.approx(found_web, abs=5)
    assert in_web > 300
    ((fault, found),) = ask("""SELECT count(*), count(*) FILTER (fault_code IS NOT NULL AND battery_percent <= 10)
        FROM {truth:needs} n JOIN {sensor} USING (reading_id) WHERE n.kind = 'bike_fault' AND battery_percent <= 100""")
    assert fault == found > 50


def test_referred_customers_use_the_coupon_of_their_referrer(ask: Ask) -> None:
    ((used, right),) = ask("""
        WITH brought AS (SELECT person_id, other_person_id FROM {truth:relations} WHERE kind = 'referred_by'),
        coupon AS (SELECT coupon_code, email FROM {coupons} WHERE coupon_code LIKE 'FRIEND%')
        SELECT count(*), count(*) FILTER (c.email IN (p.email, p.work_email))
        FROM {orders} o JOIN coupon c USING (coupon_code) JOIN {truth:orders} t USING (order_no)
        JOIN brought b USING (person_id) JOIN {truth:persons} p ON p.person_id = b.other_person_id
    """)
    assert used == right > 30
    ((promoters,),) = ask("""SELECT min(satisfaction) FROM {truth:preferences} WHERE person_id IN (
        SELECT other_person_id FROM {truth:relations} WHERE kind = 'referred_by')""")
    assert promoters >= 8.5


def test_cards_are_lent_to_partners_only(ask: Ask) -> None:
    ((lent, at_home),) = ask("""
        SELECT count(*), count(*) FILTER (a.household_id = b.household_id) FROM {truth:receipts} r
        JOIN {truth:persons} a ON a.person_id = r.person_id JOIN {truth:persons} b ON b.person_id = r.card_owner_id
        WHERE r.person_id <> r.card_owner_id
    """)
    assert lent == at_home > 20


def test_about_fifty_interactions_per_customer(company: CompanySummary) -> None:
    assert 40 < company.interactions / company.customers < 80


def test_order_has_the_cookie_of_its_session(ask: Ask) -> None:
    ((orders, seen, same_person),) = ask("""
        WITH c AS (SELECT cookie_id, list(DISTINCT person_id) AS people FROM {truth:web_sessions}
                   WHERE intent = 'purchase' GROUP BY 1)
        SELECT count(*), count(people), count(*) FILTER (list_contains(people, person_id))
        FROM {orders} JOIN {truth:orders} USING (order_no) LEFT JOIN c USING (cookie_id)
    """)
    assert seen == pytest.approx(orders, rel=0.01)
    assert same_person == seen > 1_000


def test_spelling_of_a_person_differs_between_systems(ask: Ask) -> None:
    ((both, equal),) = ask("""
        WITH shop AS (SELECT customer_no AS record_id, any_value(name) AS name FROM {customers} GROUP BY 1),
        card AS (SELECT card_no AS record_id, first_name || ' ' || surname AS name FROM {members})
        SELECT count(*), count(*) FILTER (shop.name = card.name)
        FROM shop JOIN {truth:records} a ON a.system = 'shop' AND a.record_id = shop.record_id
        JOIN {truth:records} b ON b.system = 'loyalty' AND b.person_id = a.person_id
        JOIN card ON card.record_id = b.record_id
    """)
    assert both > 300
    # 30 % of shop records put the last name first; short forms, initials and errors do the rest.
    assert 0.25 < equal / both < 0.65


def test_email_outcomes_follow_the_stated_shares(ask: Ask) -> None:
    counts = dict(ask("SELECT kind, count(DISTINCT event_id) FROM {email} GROUP BY 1"))
    e = P.email
    opened = counts["opened"] / counts["sent"]
    assert opened == pytest.approx(e.open_a / (e.open_a + e.open_b), abs=0.03)
    assert counts["clicked"] / counts["opened"] == pytest.approx(
        e.click_share, abs=near(e.click_share, counts["opened"])
    )
    assert counts["bounced"] / counts["sent"] == pytest.approx(e.bounce_share, abs=near(e.bounce_share, counts["sent"]))
    assert counts["unsubscribed"] > 50


def test_late_rows_arrive_days_later_and_other_rows_on_their_day(ask: Ask) -> None:
    ((late, after, on_the_day, others),) = ask("""
        WITH o AS (SELECT order_no, split_part(parse_filename(filename), '.', 1)::DATE AS file,
                          ordered_at::TIMESTAMP::DATE AS day FROM {orders_by_file} WHERE ordered_at > '2'),
        p AS (SELECT record_id, kind, delivered_on::DATE AS delivered FROM {truth:planted_rows}
              WHERE stream = 'shop.orders' AND kind IN ('late', 'repeated'))
        SELECT count(*) FILTER (kind = 'late'), count(*) FILTER (kind = 'late' AND file > day AND file = delivered),
               count(*) FILTER (kind IS NULL AND file = day), count(*) FILTER (kind IS NULL)
        FROM o LEFT JOIN p ON p.record_id = o.order_no
    """)
    assert late == after > 5
    assert on_the_day == others > 3_000
