"""Activities on both databases, called as a worker calls them."""

from tests.books.migrated import books as books
from tests.services.conftest import procedure as procedure
