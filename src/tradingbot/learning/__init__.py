"""What finished trades teach: attribution, expectancy, calibration, timing, costs, allocation. Pure."""
