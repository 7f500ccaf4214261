"""Recorded histories of each released version, replayed against today's code."""
