"""What stops a benchmark."""


class BenchFailed(RuntimeError):
    """What was to be measured did not work; the sentence says what."""
