"""Sinks: one file a kind; the contract is `heartwire.engine.sink.Sink`."""
