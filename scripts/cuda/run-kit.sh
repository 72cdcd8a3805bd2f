#!/bin/sh
# On the machine with the GPU: unpacks the kit that lies beside this script, builds, tests and times the library there.
# kit.json and kit.log go to the folder that OUT names, else to out/ beside this script. Ten minutes at most, or what
# PFGM_KIT_SECONDS says. Until Node.js is unpacked it needs coreutils, tar and xz, or python3 for the last two.
set -u
here=$(cd "$(dirname "$0")" && pwd)
started=$(date +%s)
if [ -w "$here" ]; then work=$here; else work=$(mktemp -d); fi
out=${OUT:-$work/out}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
rm -f "$out/machine.json" "$out/bench.json" "$out/kit.json"
log=$out/kit.log
root=$work/unpacked

fail() { # exit code, why: what run-kit.js would write
  tail=$(printf '%s: ' "$2"; tail -c 1000 "$log" | tr -d '"\\\000-\011\013-\037' | tr '\n' ' ')
  printf '{ "stages": [{ "name": "unpack", "state": "failed", "rc": %d, "seconds": %d, "tail": "%s" }] }\n' \
    "$1" $(($(date +%s) - started)) "$tail" >"$out/kit.json"
  echo "unpack: failed: $tail"
  exit 1
}

unpack() {
  if command -v xz >/dev/null; then
    timeout 120 tar -xJf "$here/kit.tar.xz" -C "$root"
  else
    timeout 120 python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' \
      "$here/kit.tar.xz" "$root"
  fi
}

echo "== unpack" >"$log"
# what was built stays: the sources come with their times, and only what changed is compiled again
rm -rf "$root" && mkdir -p "$root" && unpack >>"$log" 2>&1
rc=$?
[ $rc -eq 0 ] || fail $rc 'the kit does not unpack'
"$root/bin/node" --version >>"$log" 2>&1
rc=$?
[ $rc -eq 0 ] || fail $rc 'Node.js does not run here'
seconds=$(($(date +%s) - started))
echo "unpack: passed, $seconds s"
PATH=$root/bin:$PATH PFGM_CACHE=$work/cache exec "$root/bin/node" "$root/pfgm-torch/scripts/cuda/run-kit.js" \
  --out "$out" --started "$started" --unpacked "$seconds" --seconds "${PFGM_KIT_SECONDS:-600}"
