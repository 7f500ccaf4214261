"""Refusals that only pages know."""

from lending.errors import LendingError


class NotSignedIn(LendingError):
    """The page is for somebody whom we know; the visitor is sent to the sign-in and comes back afterwards."""

    code = "not_signed_in"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("sign in first")


class ForeignForm(LendingError):
    """A form without our token, or sent by another site's page."""

    code = "foreign_form"
    http_status = 403

    def __init__(self) -> None:
        super().__init__("this form has expired or was sent from another site; open the page again")


class PageNotFound(LendingError):
    """No page has this address."""

    code = "page_not_found"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("there is no page at this address")


class UnknownBorrower(LendingError):
    """Loan number and digits do not belong together. Which of the two is wrong is not said."""

    code = "unknown_borrower"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("no loan has this number and these four digits")


class FormTooLarge(LendingError):
    """A form that is longer than any of ours."""

    code = "form_too_large"
    http_status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"a form has at most {limit} bytes")
