"""Tests mirror the rooms: tests/lending tests lending/, and so on."""
