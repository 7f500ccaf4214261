"""Tests of the room engine: what travels to Temporal, and how it is reached."""
