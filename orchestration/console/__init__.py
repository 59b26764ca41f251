"""What the `context360` command prints: one module per command, behind one import.

Each function prints to the terminal and returns the exit code of the command. Everything heavy is imported inside.
"""

from orchestration.console.check import check_systems
from orchestration.console.compare import show_comparison
from orchestration.console.coverage import show_coverage
from orchestration.console.demo import advance_demo, create_demo
from orchestration.console.docs import write_documentation
from orchestration.console.erase import erase_customers
from orchestration.console.firm import call_dbt, init_firm
from orchestration.console.first_look import show_first_look
from orchestration.console.onboard import add_system
from orchestration.console.run import run_with_progress
from orchestration.console.serve import (
    create_account,
    create_token,
    end_account,
    end_token,
    serve_home,
    show_accounts,
    show_tokens,
)
from orchestration.console.status import show_status
from orchestration.console.ui import open_ui
from orchestration.console.who import show_customer

__all__ = [
    "add_system",
    "advance_demo",
    "call_dbt",
    "check_systems",
    "create_account",
    "create_demo",
    "create_token",
    "end_account",
    "end_token",
    "erase_customers",
    "init_firm",
    "open_ui",
    "run_with_progress",
    "serve_home",
    "show_accounts",
    "show_comparison",
    "show_coverage",
    "show_customer",
    "show_first_look",
    "show_status",
    "show_tokens",
    "write_documentation",
]
