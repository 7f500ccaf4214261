"""What sets up a machine and checks the checkout; standard library only, as it runs before anything is installed."""
