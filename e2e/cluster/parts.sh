# Sourced: where the parts of the cluster lie.

CLUSTER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Built now, if that was not done before.
CLUSTER_CACHE=$("$CLUSTER/tools")
readonly CLUSTER CLUSTER_CACHE BIN=$CLUSTER_CACHE/bin IMAGES=$CLUSTER_CACHE/images

say() { printf '[%s] %s\n' "$(date +%T)" "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 2
}
