"""Lake tables in, lake artifacts out: one module per step of the graph. Knows no orchestrator."""
