# shellcheck shell=bash
# Sourced by the other scripts: where the repository is, and a few words they share.
# Tools that setup keeps inside the repository (.dev) come first in the search path.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DEV="$ROOT/.dev"
export PATH="$DEV/node/bin:$PATH:/usr/sbin:/sbin:$DEV/uv/bin"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# A TCP port on loopback that nobody listens on, below the range the kernel gives to clients.
free_port() {
  local port
  while :; do
    port=$(shuf -i 20000-29999 -n 1)
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s\n' "$port"
}

# The newest PostgreSQL server's programs; Debian keeps them out of the search path.
postgres_bin() {
  local dir
  for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr) "$(dirname "$(command -v initdb || echo /none/x)")"; do
    if [ -x "$dir/initdb" ]; then printf '%s\n' "$dir"; return 0; fi
  done
  return 1
}

# Debian's SimpleSAMLphp: installed, or unpacked by setup.
simplesamlphp_home() {
  local dir
  for dir in /usr/share/simplesamlphp "$DEV/simplesamlphp/usr/share/simplesamlphp"; do
    if [ -f "$dir/www/index.php" ]; then printf '%s\n' "$dir"; return 0; fi
  done
  return 1
}

# Node 20 or newer: what the browser tests need, and newer than Debian 12's own.
node_is_new_enough() {
  have npm && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
}
