"""One exam for every venue adapter, against real servers on loopback."""
