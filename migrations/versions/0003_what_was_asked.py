"""An effect says which act it is the result of and what was asked for; a loan may trouble two roles at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ONE_OPEN = "ix_task_one_open_a_kind"
ONE_TROUBLE = "ix_task_one_open_trouble_a_role"
OPEN = "status = 'open' AND loan IS NOT NULL"


def upgrade() -> None:
    op.add_column("effect", sa.Column("act", sa.String(length=64), nullable=True))
    op.add_column("effect", sa.Column("request", sa.String(length=16), nullable=True))
    op.drop_index(ONE_OPEN, table_name="task")
    _unique(ONE_OPEN, "kind", f"{OPEN} AND kind <> 'trouble'")
    _unique(ONE_TROUBLE, "role", f"{OPEN} AND kind = 'trouble'")


def downgrade() -> None:
    op.drop_index(ONE_TROUBLE, table_name="task")
    op.drop_index(ONE_OPEN, table_name="task")
    _unique(ONE_OPEN, "kind", OPEN)
    op.drop_column("effect", "request")
    op.drop_column("effect", "act")


def _unique(name: str, by: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "task", ["loan", by], unique=True, sqlite_where=condition, postgresql_where=condition)
