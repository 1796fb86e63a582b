#!/usr/bin/env bash
# Packs the board's two images from files on this machine and loads them into the cluster, without Docker or a registry:
# the application with the Node that this checkout brings, and Redis from the distribution's package.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
node=$(ls "$root"/node_modules/node-linux-*/bin/node | head -n 1)
# Debian's redis-tools carries the server's binary; the package redis-server would also start a service.
if [[ ! -x /usr/bin/redis-check-rdb ]]; then
  echo "Installing redis-tools from the distribution's packages …" >&2
  apt-get install -y -qq --no-install-recommends redis-tools > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-tools > /dev/null; }
fi
tiphys=${TIPHYS:-$root/bin/tiphys}
"$tiphys" image pack board/app:1 --base scratch --with-libraries --copy "$node:/usr/bin/node" --copy "$here/app:/app" --entrypoint /usr/bin/node "$@"
"$tiphys" image pack board/redis:1 --base scratch --with-libraries --copy /usr/bin/redis-check-rdb:/usr/bin/redis-server --entrypoint /usr/bin/redis-server "$@"
