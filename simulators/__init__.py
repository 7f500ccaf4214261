"""Stand-ins for the outside world: registers, bank and SMS behind one real HTTP server, with faults on demand."""
