{{ config(materialized='table') }}

-- Contacts whose customer only a reply shows. A contact was with the customer who replies to it. An answer without an
-- identifier is to the customer of the contact that it answers. Orders are known by their own identifiers.
with contacts as (
    select
        contacts.source_system,
        contacts.source_interaction_id,
        contacts.responds_to_id,
        contacts.identifier_value,
        coalesce(customers.customer_key, anonymous.customer_key) as customer_key
    from {{ ref('int_delivered_interaction') }} as contacts
    {{ join_customer('contacts') }}
    left join {{ ref('int_anonymous_interaction') }} as anonymous
        on
            contacts.source_system = anonymous.source_system
            and contacts.source_interaction_id = anonymous.source_interaction_id
),

replies as (
    select
        replies.source_system,
        replies.source_interaction_id,
        replies.identifier_value,
        replies.customer_key,
        replied_to.source_interaction_id as replied_to_id,
        replied_to.customer_key as replied_to_customer_key
    from contacts as replies
    inner join contacts as replied_to
        on
            replies.source_system = replied_to.source_system
            and replies.responds_to_id = replied_to.source_interaction_id
),

shown as (
    select
        source_system,
        replied_to_id as source_interaction_id,
        customer_key
    from replies
    where customer_key is not null and replied_to_customer_key is null

    union all

    select
        source_system,
        source_interaction_id,
        replied_to_customer_key as customer_key
    from replies
    where customer_key is null and identifier_value is null and replied_to_customer_key is not null
)

-- A contact that several customers reply to, such as a post, is none's.
select
    source_system,
    source_interaction_id,
    min(customer_key) as customer_key
from shown
group by source_system, source_interaction_id
having min(customer_key) = max(customer_key)
