"""The yardstick: an origination with the same commands, calls and commits as a real one, and not one rule of lending.

What it costs is what Temporal, HTTP and the disk cost on this machine; what Loanwright costs above it is Loanwright.
It has the same processes (an edge, a worker that also dispatches, an outside world), the same messages on the wire, one
bare SQLite file, and no layer that it could do without.
"""
