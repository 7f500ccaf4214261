"""The JSON API: reads what came in, calls one service or command, and says what came of it."""
