#!/usr/bin/env bash
# Deploy a version into the idle slot, switch to it, and switch back by itself when it does not prove healthy.
#
#   deploy.sh --from CHECKOUT            deploy that checkout
#   deploy.sh --rollback                 back to the other slot, by hand
#   deploy.sh --status                   which slot is current
#
# Exit codes: 0 deployed (or rolled back by hand), 1 aborted or rolled back: the old version runs, 2 wrong usage,
# 3 neither version runs as it should: somebody must look.
set -euo pipefail

prefix=/opt/tradingbot
home=/var/lib/tradingbot
etc=/etc/tradingbot
from=""
action=deploy
supervisor=systemd
unit=tradingbot
user=tradingbot
builder=""
options=""
cycles=3
wait_s=300
stop_s=90
poll_s=2
keep=10

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; cat <<'TEXT'
Options:
  --from DIR          checkout of the new version
  --prefix DIR        where the slots are                     (/opt/tradingbot)
  --home DIR          home of the daemon                      (/var/lib/tradingbot)
  --etc DIR           keys and options                        (/etc/tradingbot)
  --supervisor NAME   systemd, or process: plain processes    (systemd)
  --user NAME         user of the daemon; '' for this user    (tradingbot)
  --options TEXT      options of `tradingbot run`; default: RUN_OPTIONS in the options file
  --builder FILE      makes the environment of a slot         (deploy/build_slot.sh of the new version)
  --cycles N          good cycles that prove it               (3)
  --wait SECONDS      how long they may take                  (300)
  --keep N            backups to keep                         (10)
TEXT
}

while [ $# -gt 0 ]; do
  case $1 in
    --rollback) action=rollback ;;
    --status) action=status ;;
    -h | --help) usage; exit 0 ;;
    --from | --prefix | --home | --etc | --supervisor | --user | --options | --builder | --cycles | --keep | --wait | --poll)
      [ $# -ge 2 ] || { echo "deploy.sh: $1 needs a value" >&2; exit 2; }
      case $1 in
        --wait) wait_s=$2 ;;
        --poll) poll_s=$2 ;;
        *) declare "${1#--}=$2" ;;
      esac
      shift ;;
    *) echo "deploy.sh: unknown option $1; --help lists them" >&2; exit 2 ;;
  esac
  shift
done
case $supervisor in systemd | process) ;; *) echo "deploy.sh: --supervisor is systemd or process" >&2; exit 2 ;; esac
[ "$action" != deploy ] || [ -f "$from/pyproject.toml" ] || { echo "deploy.sh: --from must be a checkout, '$from' has no pyproject.toml" >&2; exit 2; }
[ -n "$options" ] || options=$(sed -n 's/^RUN_OPTIONS=//p' "$etc/options" 2>/dev/null | tail -n 1 | tr -d "\"'" || true)
mkdir -p "$prefix"
log=$prefix/deploy.log

say() {
  local line
  line="$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"
  echo "$line"
  (umask 077; echo "$line" >>"$log")
}

become=() # what makes a command run as the daemon's user
if [ "$(id -u)" = 0 ] && [ -n "$user" ]; then become=(setpriv --reuid "$user" --regid "$user" --init-groups --no-new-privs --); fi

current() { if [ -L "$prefix/current" ]; then basename "$(readlink "$prefix/current")"; fi; }
other() { if [ "$(current)" = a ]; then echo b; else echo a; fi; }
bot() { local slot=$1; shift; "${become[@]}" "$prefix/$slot/.venv/bin/tradingbot" "$@"; }

switch_to() { # atomically: a link is made beside and renamed over
  ln -sfn "$1" "$prefix/.current.new"
  mv -T "$prefix/.current.new" "$prefix/current"
}

# ------------------------------------------------------------ the supervisor: systemd, or plain processes

daemon_pid() {
  if [ "$supervisor" = systemd ]; then systemctl show --property MainPID --value "$unit"; else cat "$prefix/run/daemon.pid" 2>/dev/null || echo 0; fi
}

alive() {
  if [ "$supervisor" = systemd ]; then
    systemctl is-active --quiet "$unit"
  else
    local pid; pid=$(daemon_pid)
    [ "$pid" -gt 0 ] && kill -0 "$pid" 2>/dev/null
  fi
}

start_daemon() {
  if [ "$supervisor" = systemd ]; then
    systemctl reset-failed "$unit" 2>/dev/null || true
    systemctl start --no-block "$unit"
    return
  fi
  (umask 077; mkdir -p "$prefix/run")
  # Options are words. The lock of this script must not live on in the daemon.
  # shellcheck disable=SC2086
  (umask 077; "${become[@]}" setsid "$prefix/current/.venv/bin/tradingbot" run --home "$home" --log-format json $options \
    >>"$prefix/run/daemon.out" 2>&1 9>&- </dev/null & echo $! >"$prefix/run/daemon.pid")
}

stop_daemon() { # 1 when it had to be killed
  if [ "$supervisor" = systemd ]; then systemctl stop "$unit"; return; fi
  alive || return 0
  local pid waited=0; pid=$(daemon_pid)
  kill -TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do
    [ $waited -lt $((stop_s * 10)) ] || { say "process $pid did not stop within $stop_s s and is killed"; kill -KILL "$pid"; sleep 0.2; return 1; }
    sleep 0.1
    waited=$((waited + 1))
  done
}

# ------------------------------------------------------------ health

judge() { "$prefix/$1/.venv/bin/python" "$prefix/$1/deploy/health.py" "${@:2}"; }
status_of() { bot "$1" status --home "$home" --json 2>/dev/null || true; }

healthy() { # healthy SLOT: waits for READY, N good cycles and no new critical issue
  local slot=$1 deadline why code
  deadline=$(($(date +%s) + wait_s))
  while [ "$(date +%s)" -lt "$deadline" ]; do
    code=0
    why=$(status_of "$slot" | judge "$slot" --pid "$(daemon_pid)" --cycles "$cycles" --known "$known") || code=$?
    case $code in
      0) say "slot $slot: $why"; return 0 ;;
      2) say "slot $slot: $why"; return 1 ;;
    esac
    # A unit that is still activating is not active yet, but not failed either.
    if ! alive && { [ "$supervisor" = process ] || systemctl is-failed --quiet "$unit"; }; then
      say "slot $slot: the daemon ended by itself; its last words: $(last_words)"
      return 1
    fi
    sleep "$poll_s"
  done
  say "slot $slot: not healthy within $wait_s s: ${why:-nothing known}"
  return 1
}

last_words() {
  if [ "$supervisor" = systemd ]; then journalctl -u "$unit" -n 1 -o cat 2>/dev/null || true; else tail -n 1 "$prefix/run/daemon.out" 2>/dev/null || true; fi
}

# ------------------------------------------------------------ the steps

build() {
  local slot=$1
  rm -rf "${prefix:?}/$slot"
  (umask 022
    mkdir -p "$prefix/$slot"
    if git -C "$from" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
      git -C "$from" archive HEAD | tar -x -C "$prefix/$slot"
      git -C "$from" rev-parse HEAD >"$prefix/$slot/VERSION"
    else
      (cd "$from" && tar -c --exclude=./.venv --exclude=./state --exclude=./logs --exclude=./feature_store --exclude=./.env .) | tar -x -C "$prefix/$slot"
      echo "from $from" >"$prefix/$slot/VERSION"
    fi
    "${builder:-$prefix/$slot/deploy/build_slot.sh}" "$prefix/$slot")
}

checks() { # the checks of that version on the real home, with its keys
  # shellcheck disable=SC2086
  "${become[@]}" env "CREDENTIALS_DIRECTORY=$etc" "$prefix/$1/.venv/bin/python" "$prefix/$1/scripts/pre_deployment_checks.py" --home "$home" $options
}

abort() { say "ABORTED: $*; the version before runs on untouched"; exit 1; }

back_to() { # back_to OLD NEW BACKUP: the old version again, with the state of before where it cannot read the present one
  local old=$1 new=$2 backup=$3
  stop_daemon || true
  if [ -z "$old" ]; then
    say "FAILED: there is no version before this one; the daemon is stopped"
    exit 3
  fi
  if [ -n "$backup" ] && ! bot "$old" status --home "$home" --json >/dev/null 2>&1; then
    say "slot $old cannot read the state that slot $new wrote: restoring $backup"
    bot "$old" restore "$backup" --home "$home" --confirm yes-restore || { say "FAILED: $backup could not be restored"; exit 3; }
  fi
  switch_to "$old"
  start_daemon
  if healthy "$old"; then say "ROLLED BACK to slot $old"; else say "FAILED: slot $old is not healthy either"; exit 3; fi
}

deploy() {
  local old new backup=""
  old=$(current)
  new=$(other)
  say "deploying $from into slot $new (current: ${old:-none})"
  build "$new" || abort "slot $new could not be built"
  say "slot $new built: $(cat "$prefix/$new/VERSION")"
  checks "$new" || abort "the pre-deployment checks failed"
  say "pre-deployment checks passed"
  if [ -n "$old" ]; then
    status_of "$old" | judge "$new" --issues >"$known" || true
    stop_daemon || true
    if [ -d "$home/state" ]; then
      backup=$(bot "$old" backup --home "$home" --keep "$keep" --json | "$prefix/$new/.venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["path"])') || {
        start_daemon
        abort "no backup could be made"
      }
      say "backup: $backup"
    fi
  fi
  trap 'say "interrupted"; back_to "$old" "$new" "$backup"; exit 1' INT TERM HUP
  switch_to "$new"
  start_daemon
  if ! healthy "$new"; then
    back_to "$old" "$new" "$backup"
    exit 1
  fi
  trap - INT TERM HUP
  say "DEPLOYED slot $new"
}

rollback() {
  local now old
  now=$(current)
  old=$(other)
  if [ -z "$now" ] || [ ! -x "$prefix/$old/.venv/bin/tradingbot" ]; then
    say "no other version to go back to"
    exit 1
  fi
  say "rolling back by hand from slot $now to slot $old"
  status_of "$now" | judge "$now" --issues >"$known" || true
  back_to "$old" "$now" "$(find "$home/backups" -name 'tradingbot-backup-*.tar.gz' 2>/dev/null | sort | tail -n 1)"
}

if [ "$action" = status ]; then
  echo "current: $(current) $(cat "$prefix/current/VERSION" 2>/dev/null || true)"
  exit 0
fi
exec 9>"$prefix/.deploy.lock"
flock --nonblock 9 || { echo "deploy.sh: another deploy is under way in $prefix" >&2; exit 1; }
known=$(mktemp)
trap 'rm -f "$known"' EXIT
"$action"
