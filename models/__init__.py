"""What is stored (SQLModel tables; `models.tables` registers them all) and what is sent (pydantic messages)."""
