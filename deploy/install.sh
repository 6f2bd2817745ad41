#!/usr/bin/env bash
# Install the daemon on a Debian-like machine: user, folders, keys' file, first slot, unit. May be called again at any time.
# Usage: install.sh [--prefix DIR] [--dry-run] [--user NAME] [--builder FILE] [--profile paper|testnet|live]
# With --prefix everything goes under that folder, no user is made and systemd is not touched: to try it without root.
set -euo pipefail

root=""
dry=""
user=tradingbot
builder=""
profile=paper
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=1 ;;
    -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
    --prefix) root=${2:?--prefix needs a folder}; shift ;;
    --user) user=${2:?--user needs a name}; shift ;;
    --builder) builder=${2:?--builder needs a file}; shift ;;
    --profile) profile=${2:?--profile needs a name}; shift ;;
    *) echo "install.sh: unknown option $1; --help lists them" >&2; exit 2 ;;
  esac
  shift
done
case $profile in paper | testnet | live) ;; *) echo "install.sh: --profile is paper, testnet or live" >&2; exit 2 ;; esac
if [ -z "$root" ] && [ -z "$dry" ] && [ "$(id -u)" != 0 ]; then
  echo "install.sh: run it as root, or try it with --prefix DIR or --dry-run" >&2
  exit 2
fi
source_dir=$(cd "$(dirname "$0")/.." && pwd)
opt=$root/opt/tradingbot
home=$root/var/lib/tradingbot
etc=$root/etc/tradingbot
unit=$root/etc/systemd/system/tradingbot.service

run() { echo "+ $*"; [ -n "$dry" ] || "$@"; }

write() { # write FILE MODE: standard input into a file that is not there yet
  local content
  content=$(cat)
  if [ -e "$1" ]; then echo "= $1 exists and is kept"; return; fi
  echo "+ write $1 (mode $2)"
  [ -n "$dry" ] || (umask 077; printf '%s\n' "$content" >"$1"; chmod "$2" "$1")
}

owned() { if [ -z "$root" ]; then run chown "$user:$user" "$1"; fi; }

if [ -z "$root" ] && ! id "$user" >/dev/null 2>&1; then
  run useradd --system --home-dir "$home" --shell /usr/sbin/nologin "$user"
fi
run install -d -m 755 "$opt" "$(dirname "$unit")"
run install -d -m 700 "$home"
owned "$home"
run install -d -m 711 "$etc"
write "$etc/tradingbot.env" 600 <<'KEYS'
# Keys of the daemon, one NAME=value a line. This file is read by systemd and handed over in memory.
EXCHANGE=kraken
#KRAKEN_FUTURES_API_KEY=
#KRAKEN_FUTURES_API_SECRET=
#COINGLASS_API_KEY=
# Who is told of issues, see docs/alerts.md:
#TRADINGBOT_ALERT_URL_PHONE=
# For the live profile, when you mean it:
#TRADINGBOT_CONFIRM=yes-live
KEYS
owned "$etc/tradingbot.env"
write "$etc/options" 644 <<OPTIONS
# Options of \`tradingbot run\` under systemd.
RUN_OPTIONS=--profile $profile
OPTIONS
if [ -L "$opt/current" ]; then
  echo "= $opt/current exists and is kept; deploy/deploy.sh changes versions"
else
  run rm -rf "$opt/a"
  run install -d -m 755 "$opt/a"
  echo "+ copy $source_dir to $opt/a"
  [ -n "$dry" ] || (cd "$source_dir" && tar -c --exclude=./.venv --exclude=./.git --exclude=./state --exclude=./logs --exclude=./feature_store --exclude=./.env .) | tar -x --no-same-owner -C "$opt/a"
  run "${builder:-$opt/a/deploy/build_slot.sh}" "$opt/a"
  [ -n "$dry" ] || echo "installed from $source_dir" >"$opt/a/VERSION"
  run ln -s a "$opt/current"
fi
if ! cmp -s "$source_dir/deploy/tradingbot.service" "$unit"; then
  run install -m 644 "$source_dir/deploy/tradingbot.service" "$unit"
  if [ -z "$root" ]; then run systemctl daemon-reload; fi
else
  echo "= $unit is up to date"
fi
if [ -z "$root" ]; then run systemctl enable tradingbot; fi
cat <<NEXT
Installed. Next:
  put keys into $etc/tradingbot.env (needed for testnet and live)
  CREDENTIALS_DIRECTORY=$etc setpriv --reuid $user --regid $user --init-groups $opt/current/.venv/bin/tradingbot check --home $home --profile $profile
  systemctl start tradingbot && journalctl -fu tradingbot
NEXT
