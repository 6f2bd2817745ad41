#!/usr/bin/env bash
# Start live trading with real money. Keys come from the environment or a private .env file;
# the confirmation is yours to give: scripts/run_live.sh --confirm yes-live
set -euo pipefail
cd "$(dirname "$0")/.."
make --silent setup
exec .venv/bin/tradingbot run --profile live "$@"
