#!/usr/bin/env bash
# Start paper trading; options are passed on, e.g. scripts/run_paper.sh --symbols BTC,ETH
set -euo pipefail
cd "$(dirname "$0")/.."
make --silent setup
exec .venv/bin/tradingbot run --profile paper "$@"
