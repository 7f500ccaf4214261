"""What the operator's command does, one file a subject; `cli.py` puts the command together."""
