"""How fast the web page is, in a real browser before a real daemon with a month behind it."""
