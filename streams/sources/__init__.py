"""Sources: one file a kind; the contract is `heartwire.engine.source.Source`."""
