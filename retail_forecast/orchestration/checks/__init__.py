"""Asset checks, each named by the sentence that it proves. They read manifests where those say enough."""
