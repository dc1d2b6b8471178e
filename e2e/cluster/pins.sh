# Sourced: what the cluster is made of, and where that lies once it is built.

readonly KUBERNETES=1.34.4 HELM=4.3.1
CLUSTER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly CLUSTER
# Keyed by everything that decides what comes out, so that an old cache is never taken for a new one.
CLUSTER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/mailaccess-e2e/cluster-$(
  cat "$CLUSTER"/pins/*/go.mod "$CLUSTER"/pins/*/go.sum "$CLUSTER"/tools "$CLUSTER"/pins.sh | sha256sum | cut -c1-16
)
readonly CLUSTER_CACHE BIN=$CLUSTER_CACHE/bin IMAGES=$CLUSTER_CACHE/images

say() { printf '[%s] %s\n' "$(date +%T)" "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 2
}
