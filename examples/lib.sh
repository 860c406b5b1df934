# What the examples share. A daemon must run (conclave up) and have an identity; CONCLAVE_HOME says
# whose, CONCLAVE which program. Nothing here needs to be run by itself.
set -euo pipefail

conclave=${CONCLAVE:-conclave}
dir=$(mktemp -d)
media= member=

fail() { echo "error: $1" >&2; exit 1; }

need() { # need COMMAND DEBIAN-PACKAGE
  command -v "$1" >/dev/null || fail "$1 is missing; install it with:  apt-get install $2"
}

# Ends what was started. A recorder closes its file when it is asked to and hears that nothing follows,
# which the daemon says when our part ends; if it cannot any more, the recorder is not waited for.
finish() {
  if [ -n "$media" ]; then kill -INT "$media" 2>/dev/null || true; fi
  if [ -n "$member" ]; then
    kill "$member" 2>/dev/null || true
    wait "$member" || true
  fi
  if [ -n "$media" ]; then
    { sleep 5 && kill -KILL "$media"; } >/dev/null 2>&1 &
    wait "$media" || true
    kill $! 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Joins a meeting, waits until somebody lets us in and the ports are open. $opened says where.
join() { # join LINK OPTION ...
  mkfifo "$dir/lines"
  "$conclave" meeting join "$@" --json >"$dir/lines" &
  member=$!
  exec {lines}<"$dir/lines"
  while read -r opened <&"$lines"; do
    case $opened in *'"event":"open"'*) return ;; esac
  done
  fail "the meeting was not joined"
}

port() { # port NAME: one of audio_in, video_in, audio_out, video_out
  sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" <<<"$opened"
}

# Runs a media program until it ends, or the meeting does. What it says goes to standard error.
run() {
  "$@" >/dev/null &
  media=$!
  wait -n "$member" "$media" || true
}
