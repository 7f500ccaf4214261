"""The simulated bank: accounts, orders and notices, durable in one SQLite file."""
