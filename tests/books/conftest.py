"""Every test of the books runs on both databases."""

from tests.books.migrated import books as books
from tests.services.conftest import procedure as procedure
