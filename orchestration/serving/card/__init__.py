"""The card of one customer: found by any identifier, on one screen, for service agents."""

from orchestration.serving.card.finding import FoundCustomer, customer_number, find_customers
from orchestration.serving.card.layout import card_of, earlier_card_of

__all__ = ["FoundCustomer", "card_of", "customer_number", "earlier_card_of", "find_customers"]
