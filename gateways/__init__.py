"""Clients of the outside world: registers, bank and SMS. None of them knows a loan's stage."""
