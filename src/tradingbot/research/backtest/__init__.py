"""The engine that trades, on recorded or made candles, in stepped time and without a wire."""
