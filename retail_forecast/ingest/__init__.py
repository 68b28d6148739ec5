"""Where data comes from: drops, the M5 archive and the made-up shop. All of it ends in the landing."""
