#!/bin/sh
# Joins what the platforms packed: join-prebuilds.sh PACKED OUT takes the addons out of the library's tarballs in the folders
# of PACKED, packs the library once more with all of them, and puts it into OUT beside the packages of libtorch.
set -eu
packed=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
[ -f dist/index.js ] || { echo 'dist/ is missing: run `npm ci` first' >&2; exit 1; }
version=$(node -p 'require("./package.json").version')
rm -rf prebuilds
for tarball in "$packed"/*/pfgm-torch-"$version".tgz; do
  tar -xzf "$tarball" --strip-components=1 package/prebuilds
done
npm pack --ignore-scripts --pack-destination "$out"
cp "$packed"/*/pfgm-torch-libtorch-*.tgz "$out"
