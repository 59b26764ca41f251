"""The card of one customer: found by any identifier, on one screen, for service agents."""

from orchestration.serving.card.finding import FoundCustomer, customer_number, find_customers
from orchestration.serving.card.layout import card_of, earlier_card_of
from orchestration.serving.card.model import Card, Contact, card_model, contacts_of

__all__ = [
    "Card",
    "Contact",
    "FoundCustomer",
    "card_model",
    "contacts_of",
    "card_of",
    "customer_number",
    "earlier_card_of",
    "find_customers",
]
