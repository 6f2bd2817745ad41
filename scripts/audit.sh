#!/usr/bin/env bash
# Known vulnerabilities of the locked runtime dependencies. Exit codes: 0 none, 1 some, 3 the database could not be asked.
set -euo pipefail
cd "$(dirname "$0")/.."
code=0
said=$("${AUDIT:-.venv/bin/pip-audit}" --requirement requirements.lock --require-hashes --disable-pip --progress-spinner off --timeout 20 2>&1) || code=$?
if [ "$code" -ne 0 ] && ! grep -qE '^Found [0-9]+ known vulnerabilit' <<<"$said"; then
  echo "audit: the database of vulnerabilities could not be asked, so nothing is known: $(grep -v '^ ' <<<"$said" | tail -n 1 | cut -c 1-200)" >&2
  echo "audit: run it where the network is; continuous integration does" >&2
  exit 3
fi
echo "$said"
skipped=$(grep -c 'could not be audited' <<<"$said" || true)
if [ "$code" -eq 0 ] && [ "$skipped" -gt 0 ]; then
  # pip-audit calls this success; but of what the database does not know nothing is proven.
  echo "audit: $skipped packages could not be looked up, so nothing is known of them; run it where pypi.org answers" >&2
  exit 3
fi
exit "$code"
