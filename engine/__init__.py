"""The runtime: messages, transport, flow, processors, alarms and the processes that host them."""
