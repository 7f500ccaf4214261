"""By which words a customer is found: keyed digests of parts of his name and numbers, never the words themselves."""

from sqlmodel import Field, SQLModel


class SearchToken(SQLModel, table=True):
    """One digest that leads to a customer. All of his are deleted with the key of his data."""

    __tablename__ = "search_token"

    token: str = Field(primary_key=True, max_length=64)
    customer_id: str = Field(primary_key=True, foreign_key="customer.id", max_length=32, index=True)
