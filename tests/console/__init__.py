"""Tests of the operator's command, through its real processes."""
