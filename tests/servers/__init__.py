"""Real servers for the tests: started when first asked for, shared by the test processes, gone when pytest is gone."""
