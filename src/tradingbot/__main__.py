"""``python -m tradingbot``."""

from tradingbot.app.cli import main

if __name__ == "__main__":
    main()
