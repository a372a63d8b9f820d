"""What happened, for people: while a run goes on and afterwards. Reads the journal and the model only, and never writes to a run."""
