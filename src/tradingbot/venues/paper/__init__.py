"""The simulated venue behind `ports.Venue` without a wire: the same market, matching and account, asked directly."""
