"""What runs beside the cycle, by the clock."""
