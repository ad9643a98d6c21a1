"""How good an attribution is; it sees attributions and measured behaviors only."""
