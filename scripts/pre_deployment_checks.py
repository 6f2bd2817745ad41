#!/usr/bin/env python3
"""The pre-deployment checks on a home: exit code 0 when all critical ones pass, 1 when one fails, 2 for wrong usage.

    python scripts/pre_deployment_checks.py --home /var/lib/tradingbot --profile live --json

It is `tradingbot check` under the name that deployments look for; every run leaves a line in logs/pre_deployment.jsonl.
"""

from __future__ import annotations

import sys

from tradingbot.app.cli import main

if __name__ == "__main__":
    sys.argv = ["tradingbot", "check", *sys.argv[1:]]
    main()
