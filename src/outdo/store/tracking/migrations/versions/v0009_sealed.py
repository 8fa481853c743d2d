"""Secrets of webhooks say how they are kept; the server seals those that are plain when it starts."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("UPDATE webhooks SET secret = 'plain:' || secret WHERE secret != ''"))


def downgrade() -> None:
    op.execute(sa.text("UPDATE webhooks SET secret = substr(secret, 7) WHERE secret LIKE 'plain:%'"))
