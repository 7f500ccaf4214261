"""The garbage collector of a long-lived process."""

import gc

YOUNG_OBJECTS = 50_000


def settle() -> None:
    """Takes all that is loaded by now out of the collector's sight: it stays for the life of the process.

    Libraries and tables are some hundred thousand objects; to walk through them again and again is work that finds
    nothing. Cycles that arise later are still found, in fewer and larger steps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
