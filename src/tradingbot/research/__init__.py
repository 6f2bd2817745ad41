"""Research: what can be proven and measured about the daemon's thinking, outside of trading."""
