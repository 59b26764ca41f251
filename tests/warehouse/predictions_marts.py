"""A published warehouse with predictions, made by hand: the marts that the report reads, with the columns they promise.

The company has 2,000 customers; 1,430 of them have bought. Of its predictions, one model does well, one has got worse,
one has drifted, one has no live scores yet, two abstain and one target is new since the last training.
"""

from __future__ import annotations

import duckdb
import jinja2

from orchestration.settings import DBT_PACKAGE

TABLES = """
    create schema marts; create schema core; create schema quality;
    create table quality.publication as select 'run' as run_id, timestamp '2026-01-31 06:00' as as_of;
    create table core.dim_customer as select 1 as customer_key, 'Jolanthe Quorzan' as display_name;
    create table marts.customer_value (
        customer_key bigint, as_of timestamp, currency varchar, current_value_amount decimal(18, 2),
        expected_purchases_30d double, expected_purchases_90d double, expected_purchases_12m double,
        expected_spend_amount decimal(18, 2), expected_value_12m_amount decimal(18, 2), probability_alive double,
        churn_risk double, next_purchase_date date, value_percentile double, basis varchar, model_version int,
        trained_as_of timestamp
    );
    create table marts.customer_propensity (
        customer_key bigint, target varchar, product_line varchar, channel varchar, horizon_days int,
        probability double, base_rate double, lift double, basis varchar, model_name varchar, model_version int,
        trained_as_of timestamp
    );
    create table marts.prediction_model (
        model_name varchar, title varchar, target varchar, product_line varchar, channel varchar, horizon_days int,
        trained_as_of timestamp, model_version int, decision varchar, reason varchar, example_count bigint,
        positive_count bigint, base_rate double, learner varchar, calibration varchar, auc double, brier double,
        brier_skill double, expected_calibration_error double, top_decile_lift double, useful_features varchar,
        notes varchar, is_current boolean
    );
    create table marts.prediction_performance (
        model_name varchar, title varchar, target varchar, product_line varchar, channel varchar, horizon_days int,
        origin varchar, model_version int, scored_month date, score_count bigint, positive_count bigint,
        mean_probability double, base_rate double, expected_base_rate double, auc double, brier double,
        brier_skill double, expected_calibration_error double, top_decile_lift double,
        population_stability_index double, is_drifted boolean, is_worse boolean, worse_reason varchar
    );
    create table marts.prediction_calibration (
        model_name varchar, title varchar, origin varchar, model_version int, bin int, score_count bigint,
        predicted double, observed double, observed_low double, observed_high double
    );
    create table marts.value_performance (
        origin varchar, model_version int, basis varchar, as_of timestamp, horizon_days int, customer_count bigint,
        expected_purchases double, made_purchases double, correlation double, mean_absolute_error double,
        base_mean_absolute_error double, is_worse boolean, worse_reason varchar
    );
    create table marts.value_calibration (
        origin varchar, model_version int, as_of timestamp, horizon_days int, decile int, customer_count bigint,
        expected_purchases double, made_purchases double
    );
    create table marts.campaign_effect (
        campaign_key bigint, campaign_id varchar, title varchar, product_line varchar, channel varchar, starts_on date,
        ends_on date, treated_count bigint, held_out_count bigint, left_out_count bigint, mixed_count bigint,
        treated_rate double, held_out_rate double, effect double, effect_low double, effect_high double,
        is_significant boolean, method varchar, extra_purchases double, state varchar, reason varchar
    );
    create table marts.campaign_effect_pooled (
        channel varchar, title varchar, campaign_count bigint, treated_count bigint, held_out_count bigint,
        treated_rate double, held_out_rate double, effect double, effect_low double, effect_high double,
        is_significant boolean, method varchar, extra_purchases double, reason varchar
    );
    create table marts.engagement_band_outcome (
        engagement_band varchar, band_rank int, least_points double, customer_count bigint, buyer_count bigint,
        purchase_rate double, bought_amount decimal(18, 2)
    );
    create table marts.engagement_points_judgement (
        version varchar, judged_at timestamp, is_out_of_time boolean, is_in_use boolean, customer_count bigint,
        buyer_count bigint, purchase_rate double, auc double, auc_low double, auc_high double, ranks_buyers boolean,
        auc_gain double, auc_gain_low double, auc_gain_high double, trend_z double, trend_p_value double,
        rates_rise boolean, notes varchar
    );
    create table marts.learned_engagement_points (
        version int, learned_as_of timestamp, is_in_use boolean, touchpoint varchar, title varchar, channel varchar,
        set_points int, learned_points int, exchange_count bigint, standard_error double
    );
    create table marts.next_best_action (
        customer_key bigint, kind varchar, action varchar, title varchar, channel varchar
    );
    create table marts.action_policy_value (
        policy varchar, method varchar, currency varchar, decisions bigint, effective_decisions double,
        value_amount double, low_amount double, high_amount double, notes varchar
    );
"""

# Of the 1,430 who have bought, the first is expected to bring 0, the next 1, and so on up to 1,429.
CUSTOMERS = """
    insert into marts.customer_value by name
    select
        number + 1 as customer_key, timestamp '2026-01-31 06:00' as as_of, 'EUR' as currency,
        case when number < 1430 then number end as expected_value_12m_amount,
        case when number < 1430 then 1.5 end as expected_purchases_12m,
        case when number < 1430 then 'model' else 'no purchase yet' end as basis
    from range(2000) as numbers (number);
"""

VALUE = """
    insert into marts.value_performance values
        ('held out', 1, 'model', timestamp '2025-06-30', 90, 1000, 300, 260, 0.41, 0.38, 0.45, false, null),
        ('scored', 1, 'model', timestamp '2025-07-31', 90, 1100, 310, 305, 0.43, 0.37, 0.44, false, null),
        ('scored', 1, 'model', timestamp '2025-10-31', 90, 1200, 330, 300, 0.4, 0.36, 0.44, false, null),
        ('scored', 1, 'model', timestamp '2025-01-31', 365, 700, 900, 870, 0.5, 0.9, 1.1, false, null);
    insert into marts.value_calibration
    select
        origin, 1, as_of, 90, decile, 120, 0.05 * decile, case origin when 'scored' then 0.045 else 0.04 end * decile
    from (values
        ('held out', timestamp '2025-06-30'), ('scored', timestamp '2025-07-31'), ('scored', timestamp '2025-10-31')
    ) as forecasts (origin, as_of), range(1, 11) as deciles (decile);
"""

# name, title, target, line, channel, horizon, version, decision, reason, base rate, auc, skill, error, lift, features
MODELS = """
    create temp table model as from (values
        ('buy.bike.30d', 'Buys bikes <new> within 30 days', 'buy', 'bike', null, 30, 2, 'kept',
            'Kept: a gain of 0.0010 in log loss is not sure.', 0.042, 0.71, 0.031, 0.004, 2.4,
            'line_count_30d, age_days'),
        ('buy.parts.90d', 'Buys parts within 90 days', 'buy', 'parts', null, 90, 1, 'kept',
            'Kept: too little to judge.', 0.18, 0.74, 0.12, 0.011, 2.9, 'line_purchase_count'),
        ('buy.insurance.90d', 'Buys insurance within 90 days', 'buy', 'insurance', null, 90, 1, 'kept', 'Kept.',
            0.06, 0.66, 0.02, 0.006, 1.9, 'value_amount'),
        ('respond.email.30d', 'Answers by email, if approached', 'respond', null, 'email', 30, 1, 'first',
            'The first model.', 0.23, 0.69, 0.08, 0.013, 2.1, 'channel_response_count_90d'),
        ('buy.lease.30d', 'Buys lease within 30 days', 'buy', 'lease', null, 30, null, 'abstains',
            'It happened in 12 of 3000 examples; 50 are needed.', 0.004, null, null, null, null, null),
        ('channel.parts.store.90d', 'Buys parts by store, if at all', 'channel', 'parts', 'store', 90, null, 'abstains',
            'The base rate is not surely beaten.', 0.37, 0.52, 0.001, 0.02, 1.1, 'age_days')
    ) as t (model_name, title, target, product_line, channel, horizon_days, model_version, decision, reason, base_rate,
        auc, brier_skill, expected_calibration_error, top_decile_lift, useful_features);

    insert into marts.prediction_model by name
    select *, timestamp '2026-01-25' as trained_as_of, true as is_current from model;
    -- The versions in use were adopted earlier; what was tried since did better than they and was not taken.
    insert into marts.prediction_model by name
    select * replace (case model_version when 2 then 'replaced' else 'first' end as decision),
        timestamp '2025-06-30' as trained_as_of, false as is_current
    from model where decision = 'kept';
    update marts.prediction_model set auc = auc + 0.1 where decision = 'kept';
    insert into marts.prediction_model by name
    select 'customer_value' as model_name, 'Purchases and value of each customer' as title, 'value' as target,
        365 as horizon_days, timestamp '2026-01-25' as trained_as_of, 1 as model_version, 'first' as decision,
        'The first forecast.' as reason, true as is_current;

    insert into marts.customer_propensity by name
    select customer_key, target, product_line, channel, horizon_days, base_rate as probability, base_rate, 1.0 as lift,
        case when model_version is null then 'base rate' else 'model' end as basis, model_name, model_version
    from model, range(1, 21) as customers (customer_key);
    insert into marts.customer_propensity by name
    select customer_key, 'respond' as target, 'sms' as channel, 30 as horizon_days, 0.051 as probability,
        0.051 as base_rate, 1.0 as lift, 'base rate' as basis, 'respond.sms.30d' as model_name
    from range(1, 21) as customers (customer_key);
"""

# Four months of live scores of three models, and one held-out month of each; in the newest, one is worse, one drifted.
MONTHS = """
    insert into marts.prediction_performance by name
    select
        model_name, title, target, product_line, channel, horizon_days, 'scored' as origin, model_version,
        month::date as scored_month, 2000 as score_count, round(2000 * base_rate) as positive_count,
        base_rate as mean_probability, base_rate, base_rate as expected_base_rate, auc - 0.01 as auc, 0.1 as brier,
        brier_skill - 0.005 as brier_skill, expected_calibration_error + 0.002 as expected_calibration_error,
        top_decile_lift - 0.1 * month_number as top_decile_lift, 0.02 * month_number as population_stability_index,
        false as is_drifted, false as is_worse
    from model, (values (0, '2025-07-01'), (1, '2025-08-01'), (2, '2025-09-01'), (3, '2025-10-01'))
        as months (month_number, month)
    where decision = 'kept';
    insert into marts.prediction_performance by name
    select
        model_name, title, target, product_line, channel, horizon_days, 'held out' as origin, model_version,
        date '2025-05-01' as scored_month, 900 as score_count, round(900 * base_rate) as positive_count,
        base_rate as mean_probability, base_rate, base_rate as expected_base_rate, auc, 0.1 as brier, brier_skill,
        expected_calibration_error, top_decile_lift, 0.0 as population_stability_index, false as is_drifted,
        false as is_worse
    from model where model_version is not null;
    update marts.prediction_performance
    set is_worse = true, worse_reason = 'it happened less often than predicted', base_rate = 0.11, brier_skill = -0.034,
        expected_calibration_error = 0.071, top_decile_lift = 1.2
    where model_name = 'buy.parts.90d' and scored_month = '2025-10-01';
    update marts.prediction_performance set is_drifted = true, population_stability_index = 0.31
    where model_name = 'buy.insurance.90d' and scored_month = '2025-10-01';

    insert into marts.prediction_calibration
    select
        model_name, title, origin, model_version, bin, 200, predicted, observed,
        greatest(0, observed - 1.96 * sqrt(observed * (1 - observed) / 200)),
        observed + 1.96 * sqrt(observed * (1 - observed) / 200)
    from (
        select
            model_name, title, model_version, origin, bin, base_rate * 2 * bin / 11 as predicted,
            base_rate * 2 * (bin + case bin % 3 when 0 then 0.6 when 1 then -0.5 else 0 end) / 11
            * case when model_name = 'buy.parts.90d' and origin = 'scored' then 0.6 else 1 end as observed
        from model, range(1, 11) as bins (bin), (values ('scored'), ('held out')) as origins (origin)
        where decision = 'kept' or (decision = 'first' and origin = 'held out')
    );
"""

EFFECTS = """
    insert into marts.campaign_effect by name
    select
        number as campaign_key, 'C' || number as campaign_id, title, channel, ends_on::date as ends_on,
        500 as treated_count, 60 as held_out_count, effect, low as effect_low, high as effect_high, state, reason
    from (values
        (1, 'Spring service', 'email', '2025-04-30', 0.031, 0.004, 0.058, 'measured', null),
        (2, 'Helmet week', 'app', '2025-09-15', -0.006, -0.09, 0.04, 'measured', null),
        (3, 'Helmet week', 'app', '2025-09-30', 0.012, -0.02, 0.044, 'measured', null),
        (4, 'Opening', 'store', '2025-05-31', null, null, null, 'effect unknown',
            'Effect unknown: there is no hold-out to compare with (at least 2 people).'),
        (5, null, 'post', null, null, null, null, 'effect unknown',
            'Effect unknown: no recipient or hold-out is listed.'),
        (6, 'Winter check', 'email', '2026-02-28', null, null, null, 'running',
            'It runs until 2026-02-28: its effect is measured afterwards.')
    ) as t (number, title, channel, ends_on, effect, low, high, state, reason);
    insert into marts.campaign_effect_pooled by name
    from (values
        ('all', 'All channels', 3, 1500, 180, 0.0179, 0.0021, 0.0337),
        ('app', 'App', 2, 1000, 120, 0.004, -0.02, 0.028),
        ('email', 'E-mail', 1, 500, 60, 0.031, 0.004, 0.058)
    ) as t (channel, title, campaign_count, treated_count, held_out_count, effect, effect_low, effect_high);
"""

# Wilson's interval of 30 in 300: 7.1 % to 13.9 % (Wilson 1927, by hand).
POINTS = """
    insert into marts.engagement_band_outcome values
        ('none', 0, 0, 400, 16, 0.04, 900), ('low', 1, 0.5, 300, 30, 0.1, 3000),
        ('medium', 2, 10, 500, 75, 0.15, 23000), ('high', 3, 50, 200, 50, 0.25, 28000),
        ('very_high', 4, 120, 0, 0, null, 0);
    insert into marts.engagement_points_judgement by name
    from (values
        ('set', '2025-10-01'::timestamp, true, true, 1400, 171, 0.68, 0.63, 0.73, null, null, null, null),
        ('1', '2025-10-01'::timestamp, true, false, 1400, 171, 0.73, 0.68, 0.78, 0.05, 0.012, 0.088,
            'Version 1 learned: it ranks better.'),
        ('set', '2025-07-01'::timestamp, true, true, 1300, 160, 0.61, 0.56, 0.66, null, null, null, null)
    ) as t (version, judged_at, is_out_of_time, is_in_use, customer_count, buyer_count, auc, auc_low, auc_high,
        auc_gain, auc_gain_low, auc_gain_high, notes);
    insert into marts.learned_engagement_points by name
    from (values
        (1, 'appointment', 'Appointment', 100, 64, 812), (1, 'chat_message', 'Chat with an expert', 20, 31, 4211),
        (1, 'newsletter_signup', null, 5, 2, 950)
    ) as t (version, touchpoint, title, set_points, learned_points, exchange_count);
"""

ACTIONS = """
    insert into marts.next_best_action
    select number, kind, action, title, case number % 2 when 0 then 'email' else 'app' end
    from (values
        ('reward', 'reward_loyalty', 'Reward the loyalty', 120), ('ease', 'meet_need', 'Help with the need', 45)
    ) as actions (kind, action, title, proposals), range(1, 121) as numbers (number)
    where number <= proposals;
    insert into marts.action_policy_value values
        ('at random', 'snips', 'EUR', 900, 310.0, 1.1, 0.7, 1.5, null),
        ('as proposed', 'snips', 'EUR', 900, 900.0, 1.62, 1.31, 1.93, null),
        ('always the best', 'snips', 'EUR', 900, 240.4, 1.95, 1.2, 2.7, null),
        ('always the best', 'doubly_robust', 'EUR', 900, 240.4, 1.88, 1.44, 2.32, null);
"""


MADE_OF_OTHERS = ("customer_value_total", "customer_value_band", "prediction_target")


def model_sql(name: str) -> str:
    """The SQL of a mart over other marts, without dbt."""
    file = DBT_PACKAGE / "models" / "marts" / "predictions" / f"{name}.sql"
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - SQL
    return environment.from_string(file.read_text(encoding="utf-8")).render(
        ref=lambda model: f"marts.{model}", steady=lambda figure: f"round(cast({figure} as double), 6)"
    )


def published_marts(*, is_empty: bool = False) -> duckdb.DuckDBPyConnection:
    """The warehouse in memory. is_empty: the tables alone, as after a run over systems without a single record."""
    connection = duckdb.connect()
    connection.execute(TABLES)
    for name in MADE_OF_OTHERS:
        connection.execute(f"create view marts.{name} as {model_sql(name)}")
    if not is_empty:
        for part in (CUSTOMERS, VALUE, MODELS, MONTHS, EFFECTS, POINTS, ACTIONS):
            connection.execute(part)
    return connection
