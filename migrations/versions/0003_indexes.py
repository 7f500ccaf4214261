"""An index for every foreign key that had none, and for who entered an application: agents see those."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEXES = (
    ("application", "entered_by"),
    ("authorisation", "customer_id"),
    ("grading", "policy_id"),
    ("payment", "party_id"),
    ("staff", "manager_id"),
    ("terms", "decision_id"),
)


def upgrade() -> None:
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
