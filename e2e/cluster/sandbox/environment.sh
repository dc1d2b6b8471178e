# Sourced by every part of the sandbox; the first argument is the work folder.

SANDBOX=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$SANDBOX/../parts.sh"
WORK=${1:?the work folder}
shift
# Its own, so that several sandboxes do not meet, and named after the folder, so that it is found again.
group_of() { echo "mailaccess-e2e-$(printf %s "$1" | sha256sum | cut -c1-12)"; }
CGROUP=$(group_of "$WORK")
export PATH=$PATH:/usr/sbin:/sbin

kubectl() { "$BIN/kubectl" --kubeconfig "$WORK/admin.kubeconfig" "$@"; }

# until_ok SECONDS COMMAND...
until_ok() {
  local tries=$(($1 * 20))
  shift
  while ((tries--)); do
    ! "$@" >/dev/null 2>&1 || return 0
    sleep 0.05
  done
  say "gave up: $*"
  return 1
}

# The nodes: number, address, pods' subnet.
node_address() { echo "10.8$((7 + $1)).0.1"; }
node_subnet() { echo "10.8$((7 + $1)).0.0/16"; }
