"""Sends the lender a signed notice of every booking, again and again until it is taken."""

import asyncio
import hashlib
import hmac
import http.client
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from simulators.bank.store import BankStore

TIMESTAMP_HEADER = "X-Bank-Timestamp"
SIGNATURE_HEADER = "X-Bank-Signature"

_SENDERS = 4
_ANSWER_WITHIN_SECONDS = 5.0


@dataclass(slots=True)
class NoticeRoute:
    """Where notices go and how patiently. Without a URL they wait."""

    url: str | None
    secret: str
    first_retry_seconds: float
    longest_retry_seconds: float


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice that was not taken yet."""

    id: int
    reference: str
    body: str
    attempts: int


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as what it is, a refusal: a notice that was sent on as a GET would be lost."""

    def redirect_request(self, *_: object) -> None:
        """Follows none."""


class NoticeSender:
    """Empties the bank's queue of notices. The queue is in the bank's file, so a restart loses none."""

    def __init__(self, store: BankStore, route: NoticeRoute) -> None:
        self.route = route
        self._store = store
        self._changed = asyncio.Event()
        self._pool = ThreadPoolExecutor(_SENDERS, thread_name_prefix="notices")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def wake(self) -> None:
        """Says that there is a new notice or a new address."""
        self._changed.set()

    def readdress(self, url: str | None) -> None:
        """Sends from now on to another URL; what waits is tried at once."""
        self.route.url = url
        self._store.connection.execute("UPDATE notices SET due_at = 0")
        self.wake()

    def waiting(self) -> list[WaitingNotice]:
        """The notices that were not taken yet."""
        rows = self._store.connection.execute("SELECT id, reference, body, attempts FROM notices ORDER BY id")
        return [WaitingNotice(**dict(row)) for row in rows]

    async def run(self) -> None:
        """Sends until cancelled."""
        try:
            while True:
                self._changed.clear()
                url = self.route.url
                if url is not None and (due := self._due()):
                    await asyncio.gather(*(self._deliver(notice, url) for notice in due))
                else:
                    await self._rest()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _due(self) -> list[WaitingNotice]:
        rows = self._store.connection.execute(
            "SELECT id, reference, body, attempts FROM notices WHERE due_at <= ? ORDER BY due_at, id LIMIT ?",
            (time.time(), _SENDERS),
        )
        return [WaitingNotice(**dict(row)) for row in rows]

    async def _rest(self) -> None:
        """Sleeps until the next retry is due or something new comes."""
        next_due = self._store.connection.execute("SELECT min(due_at) FROM notices").fetchone()[0]
        has_retry = next_due is not None and self.route.url is not None
        try:
            async with asyncio.timeout(max(0.01, next_due - time.time()) if has_retry else None):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _deliver(self, notice: WaitingNotice, url: str) -> None:
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._pool, self._post, url, notice.body.encode()):
            self._taken(notice)
            return
        wait_seconds = min(
            self.route.longest_retry_seconds, self.route.first_retry_seconds * 2 ** min(notice.attempts, 20)
        )
        self._store.connection.execute(
            "UPDATE notices SET attempts = attempts + 1, due_at = ? WHERE id = ?",
            (time.time() + wait_seconds, notice.id),
        )

    def _taken(self, notice: WaitingNotice) -> None:
        with self._store.transaction():
            self._store.connection.execute("UPDATE notices SET copies = copies - 1 WHERE id = ?", (notice.id,))
            self._store.connection.execute("DELETE FROM notices WHERE id = ? AND copies <= 0", (notice.id,))

    def _post(self, url: str, body: bytes) -> bool:
        """Whether the lender took the notice: any 2xx. The signature covers time and body."""
        timestamp = str(int(time.time()))
        signature = hmac.new(self.route.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/xml" if body.startswith(b"<") else "application/json",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: f"v1={signature}",
        }
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 set by its operator
        try:
            self._opener.open(request, timeout=_ANSWER_WITHIN_SECONDS).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return False
        # A receiver that hangs up in the middle, or that does not speak HTTP, has taken nothing either.
        except (OSError, http.client.HTTPException):
            return False
        return True
