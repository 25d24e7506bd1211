"""Pure (init, apply) pairs for one member."""
