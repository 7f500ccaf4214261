"""A server on the way to the outside world that turns chosen calls away: refusals that the simulators do not show."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Gate:
    """Passes every call on, but answers the next ones whose path ends in a given way with a status of its own."""

    def __init__(self, outside_url: str) -> None:
        self.turned_away: list[tuple[str, int]] = []
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                for plan in gate.turned_away:
                    if self.path.endswith(plan[0]):
                        gate.turned_away.remove(plan)
                        self._answer(plan[1], b'{"code": "turned_away"}')
                        return
                sent = ("Accept", "Authorization", "Content-Type")
                headers = {name: self.headers[name] for name in sent if name in self.headers}
                try:
                    passed = httpx.request(
                        self.command, outside_url + self.path, content=body, headers=headers, timeout=10
                    )
                except httpx.HTTPError:
                    # What the outside does not answer stays unanswered.
                    self.close_connection = True
                    return
                self._answer(passed.status_code, passed.content)

            do_GET = do_POST

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing on the tests' output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def turn_away(self, path: str, status: int = 403) -> None:
        """The next call to a path that ends so is refused."""
        self.turned_away.append((path, status))

    def __enter__(self) -> "Gate":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
