-- What the work costs at least: the demo company's landing, de-duplicated and joined to identity, as two facts and three
-- simple contexts, written by hand for this engine and these files. No test, no history, no quarantine, no second engine.
-- ${landing}: folder of landing. ${as_of}: moment. The warehouse with identity's tables is attached as `wh`.

create table identifier as
select identifiers.identifier_kind as kind, identifiers.identifier_value as value, min(assignment.customer_id) as customer
from wh.intermediate.int_identifier as identifiers
inner join wh.identity.assignment as assignment using (source_system, source_record_id)
group by all;

create table web as
select event_id, cookie_id, kind, content_id, sku, nullif(lower(trim(email)), '') as email, occurred_at::timestamp as moment
from read_parquet('${landing}/web/events/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by event_id order by _dlt_load_id desc, _source_row desc) = 1;

create table app as
select event_id, device_id, kind, content_id, sku, nullif(lower(trim(account_email)), '') as email, occurred_at::timestamp as moment
from read_parquet('${landing}/app/events/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by event_id order by _dlt_load_id desc, _source_row desc) = 1;

create table mail as
select event_id, nullif(lower(trim(email)), '') as email, kind, content_id, occurred_at::timestamp as moment
from read_parquet('${landing}/email/events/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by event_id order by _dlt_load_id desc, _source_row desc) = 1;

create table calls as
select call_id, caller_number, account_id, reason, outcome, try_cast(started_at as timestamp) as moment
from read_parquet('${landing}/contact_centre/calls/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by call_id order by _dlt_load_id desc, _source_row desc) = 1;

create table orders as
select order_no, customer_no, nullif(lower(trim(guest_email)), '') as email, cookie_id, try_cast(ordered_at as timestamp) as moment
from read_parquet('${landing}/shop/orders/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by order_no order by _dlt_load_id desc, _source_row desc) = 1;

create table order_lines as
select
    order_no, line_no, sku, try_cast(replace(quantity, ',', '.') as decimal(18, 6)) as quantity,
    try_cast(replace(unit_price, ',', '.') as decimal(18, 6)) as price,
    coalesce(try_cast(replace(discount, ',', '.') as decimal(18, 6)), 0) as discount
from read_parquet('${landing}/shop/order_lines/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by order_no, line_no order by _dlt_load_id desc, _source_row desc) = 1;

create table receipts as
select
    receipt_no, line_no, sku, card_no, kind,
    try_cast(regexp_replace(sold_at, '^(\d\d)\.(\d\d)\.(\d{4}) ', '\3-\2-\1 ') as timestamp) as moment,
    try_cast(replace(quantity, ',', '.') as decimal(18, 6)) as quantity,
    try_cast(replace(net, ',', '.') as decimal(18, 6)) as net
from read_parquet('${landing}/pos/receipts/rows/*.parquet', union_by_name = true)
qualify row_number() over (partition by receipt_no, line_no order by _dlt_load_id desc, _source_row desc) = 1;

-- A browser or a telephone is known by who last logged in on it.
create table device as
select device, arg_max(identifier.customer, moment) as customer
from (
    select cookie_id as device, email, moment from web where email is not null
    union all
    select device_id, email, moment from app where email is not null
) as logins
inner join identifier on identifier.kind = 'email' and identifier.value = logins.email
group by device;

create table fct_order_line as
select
    hash('shop', order_no, line_no) as order_line_key, coalesce(account.customer, guest.customer, device.customer) as customer,
    orders.order_no, sku, 'online_purchase' as touchpoint, orders.moment, quantity, quantity * price - discount as net_amount
from order_lines
inner join orders using (order_no)
left join identifier as account on account.kind = 'shop_customer_no' and account.value = orders.customer_no
left join identifier as guest on guest.kind = 'email' and guest.value = orders.email
left join device on device.device = orders.cookie_id
union all
select
    hash('pos', receipt_no, line_no), card.customer, receipt_no, sku, 'store_purchase', moment, quantity, net
from receipts
left join identifier as card on card.kind = 'loyalty_number' and card.value = receipts.card_no;

create table fct_interaction as
select hash('web', event_id) as interaction_key, device.customer, 'web_' || kind as touchpoint, 'web' as channel, moment, content_id, sku
from web left join device on device.device = web.cookie_id
union all
select hash('app', event_id), device.customer, 'app_' || kind, 'app', moment, content_id, sku
from app left join device on device.device = app.device_id
union all
select hash('mail', event_id), identifier.customer, 'email_' || mail.kind, 'email', moment, content_id, null
from mail left join identifier on identifier.kind = 'email' and identifier.value = mail.email
union all
select hash('calls', call_id), coalesce(account.customer, phone.customer), 'call', 'phone', moment, null, null
from calls
left join identifier as account on account.kind = 'crm_account_id' and account.value = calls.account_id
left join identifier as phone on phone.kind = 'phone' and phone.value = calls.caller_number
union all
select hash('order', touchpoint, order_no), any_value(customer), touchpoint, if(touchpoint = 'online_purchase', 'web', 'store'),
    min(moment), null, null
from fct_order_line group by touchpoint, order_no;

create table relationship_context as
select
    customer, count(distinct order_no) as purchases, sum(net_amount) as revenue, min(moment) as first_purchase_at,
    max(moment) as last_purchase_at, date_diff('day', max(moment), timestamp '${as_of}') as days_since_purchase,
    ntile(5) over (order by max(moment)) as recency_score, ntile(5) over (order by count(distinct order_no)) as frequency_score,
    ntile(5) over (order by sum(net_amount)) as monetary_score
from fct_order_line
where customer is not null and moment < timestamp '${as_of}'
group by customer;

create table personal_context as
with used as (
    select customer, channel, count(*) as uses from fct_interaction
    where customer is not null and moment < timestamp '${as_of}' and not starts_with(touchpoint, 'email_')
    group by all
),
bought as (
    select customer, sku, sum(quantity) as quantity from fct_order_line where customer is not null group by all
)
select coalesce(used.customer, bought.customer) as customer, used.channel, bought.sku
from (select customer, arg_max(channel, uses) as channel from used group by all) as used
full join (select customer, arg_max(sku, quantity) as sku from bought group by all) as bought using (customer);

create table situational_context as
select
    customer, arg_max(touchpoint, moment) as last_touchpoint, max(moment) as last_at,
    count(*) filter (moment >= timestamp '${as_of}' - interval 30 days) as interactions_30d,
    count(*) filter (touchpoint = 'web_cart' and moment >= timestamp '${as_of}' - interval 7 days) as carts_7d,
    max(moment) filter (touchpoint = 'call') as last_call_at
from fct_interaction
where customer is not null and moment < timestamp '${as_of}' and not starts_with(touchpoint, 'email_')
group by customer;
