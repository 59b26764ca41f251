"""The parameters of the demo company's processes as typed objects; `parameters.yaml` explains each of them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Section):
    starts_on: date
    history_days: int
    block_days: int
    chunk_customers: int
    newest_join_days: int
    joined_before_share: float
    visitors_per_customer: float


class Population(_Section):
    country_shares: list[float]
    household_size_shares: list[float]
    mean_age_years: float
    deviation_age_years: float
    twin_share: float
    parent_child_same_initial_share: float
    partner_takes_name_share: float
    shared_email_household_share: float
    shared_tablet_household_share: float
    zipf_given: float
    zipf_family: float
    zipf_street: float
    moves_per_year: float
    phone_changes_per_year: float
    device_life_days: int
    recycled_phone_share: float
    recycled_after_days: list[int]
    x_gender_share: float
    missing_gender_share: float
    expat_english_share: float
    handle_share: float
    panel_share: float


class Membership(_Section):
    shares: dict[str, float]
    second_record_mean_days: float
    crm_link_share: float
    crm_notes_card_share: float
    work_email_share: float
    mover_reports_share: float
    mover_reports_mean_days: float
    phone_reported_share: float


class Purchases(_Section):
    rate_shape: float
    rate_scale_days: float
    dropout_a: float
    dropout_b: float
    spend_shape: float
    spend_mix_shape: float
    spend_scale_eur: float
    first_line_shares: list[float]
    line_shares: list[float]
    store_offset: list[float]
    store_habit_deviation: float
    store_line_deviation: float
    month_factors: list[float]
    weekday_factors: list[float]
    suppressed_by_complaint: float
    card_shown_share: float
    partner_card_share: float
    return_share: float
    return_mean_days: float
    till_return_share: float
    referral_share: float
    coupon_use_share: float


class Web(_Section):
    sessions_per_year: float
    session_shape: float
    visitor_sessions_per_year: float
    sessions_before_purchase: float
    before_purchase_mean_days: float
    pages_mean: float
    cookie_life_days: int
    device_shares: list[float]
    login_share: float
    never_log_in_share: float
    profiling_consent_share: float
    hour_weights: list[float]
    weekday_factors: list[float]
    signup_share: float
    webinar_share: float
    download_share: float
    search_share: float
    cart_share: float
    qr_share: float


class Hours(_Section):
    shop: list[float]
    store: list[float]
    office: list[float]
    mail_sent: list[float]
    leisure: list[float]


class Email(_Section):
    newsletter_consent_share: float
    newsletter_days: int
    open_share: float
    open_a: float
    open_b: float
    click_share: float
    reply_share: float
    bounce_share: float
    withdrawals_per_year: float
    unsubscribe_link_share: float


class Campaigns(_Section):
    per_month: int
    days: int
    audience_share: float
    holdout_share: float
    uplift_mean: float
    uplift_a: float
    uplift_b: float
    conflict_share: float
    conflict_reach_share: float
    opt_out_slip_share: float
    complaint_slip_share: float
    channel_shares: list[float]


class Service(_Section):
    complaint_share: float
    complaint_mean_days: float
    resolve_mean_days: float
    reopened_share: float
    complaint_call_share: float
    calls_per_year: float
    call_before_purchase_share: float
    outbound_call_share: float
    withheld_share: float
    landline_share: float
    recognised_share: float
    chats_per_year: float
    chat_before_purchase_share: float
    messages_mean: float
    chat_channel_shares: list[float]
    message_updated_share: float
    appointments_per_year: float
    test_ride_share: float


class Voice(_Section):
    nps_answer_share: float
    csat_answer_share: float
    satisfaction_mean: float
    satisfaction_deviation: float
    answer_deviation: float
    open_complaint_loss: float
    resolved_complaint_loss: float
    verbatim_share: float
    posts_per_year: float
    follows_mean: float


class App(_Section):
    user_share: float
    login_share: float
    opens_per_year: float
    views_mean: float
    pushes_per_year: float
    push_open_share: float
    rides_per_year: float
    location_share: float
    pings_per_ride: int
    beacon_share: float
    store_visits_per_year: float
    zones_mean: float


class Bikes(_Section):
    readings_per_year: float
    km_per_day_mean: float
    km_per_day_shape: float
    fault_share: float
    low_battery_share: float
    service_every_km: int


class Needs(_Section):
    per_person_year: float
    kind_shares: list[float]
    met_share: float


class Errors(_Section):
    typing_share: float
    typing_kind_shares: list[float]
    email_typing_share: float
    nickname_share: float
    initial_share: float
    swapped_name_share: float
    missing_birth_date_share: float
    wrong_birth_date_share: float
    missing_phone_share: float
    missing_email_share: float
    accents_lost_share: float
    lower_case_share: float
    repeated_row_share: float
    late_row_share: float
    late_days_max: int
    wrong_row_share: float


class Parameters(_Section):
    """All sections of `parameters.yaml`."""

    company: Company
    population: Population
    membership: Membership
    purchases: Purchases
    web: Web
    hours: Hours
    email: Email
    campaigns: Campaigns
    service: Service
    voice: Voice
    app: App
    bikes: Bikes
    needs: Needs
    errors: Errors


@lru_cache(maxsize=1)
def load_parameters() -> Parameters:
    """The parameters that ship with the package."""
    path = Path(__file__).with_name("parameters.yaml")
    return Parameters.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
