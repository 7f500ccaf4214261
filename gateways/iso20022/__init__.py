"""The bank's messages in ISO 20022: orders out, and what the bank answers, read with suspicion."""
