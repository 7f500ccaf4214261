"""What is stored (SQLModel tables) and what is sent (pydantic messages). Importing the room registers every table."""

from models import (
    audit,
    customers,
    documents,
    grading,
    ledger,
    loans,
    notices,
    outbox,
    payments,
    staff,
    tasks,
    verification,
)

__all__ = [
    "audit",
    "customers",
    "documents",
    "grading",
    "ledger",
    "loans",
    "notices",
    "outbox",
    "payments",
    "staff",
    "tasks",
    "verification",
]
