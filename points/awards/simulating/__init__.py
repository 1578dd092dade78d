"""The simulator: what a rulebook would have given for the claims of a time gone by. It writes nothing to the books."""
