# Read by every script of the built-in buildpacks. POSIX sh, and only tools that Linux and macOS share.
set -eu

packs=$(cd "${0%/*}/../.." && pwd)

step() { printf -- '-----> %s\n' "$*"; }
say() { printf '       %s\n' "$*"; }
warn() { printf ' !     %s\n' "$*"; }

# What went wrong, then what to do about it, a line each.
fail() {
  for line in "$@"; do warn "$line"; done
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# For bin/compile: BUILD CACHE ENV_DIR. Config vars reach the tools of a built-in buildpack as they do on Heroku,
# except those that would change which tools run.
begin() {
  BUILD=$1 CACHE=$2 ENV_DIR=$3
  cd "$BUILD"
  for file in "$ENV_DIR"/*; do
    [ -f "$file" ] || continue
    name=${file##*/}
    case $name in
      PATH | HOME | TMPDIR | PORT | STACK | SOURCE_VERSION | IFS | PWD | ENV | BASH_ENV | BUILD | CACHE | packs) continue ;;
      GIT_* | SSH_* | LD_* | DYLD_* | PYTHONHOME | VIRTUAL_ENV | NODE_OPTIONS | CARGO_HOME | RUSTUP_* | GO*) continue ;;
    esac
    value=$(cat "$file" && printf x)
    export "$name=${value%x}"
  done
}

# The home of the account, where tools like rustup are. HOME itself is the app.
account_home() { eval "printf '%s' ~$(id -un)"; }

# The first line of a version file, without a leading "v" or blanks.
first_word() { sed -n 's/^[[:space:]]*v\{0,1\}\([^[:space:]#]\{1,\}\).*$/\1/p' "$1" | head -n 1; }

# trust NAME: the variable by which a tool is told of certificates, when it would trust only those it came with: what the
# machine trusts, everything here does.
trust() {
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    eval "[ -z \"\${$1:-}\" ]" && [ -f "$bundle" ] || continue
    export "$1=$bundle"
  done
}

hashed() { { sha256sum || shasum -a 256; } 2>/dev/null | cut -d' ' -f1; }

# A copy of a tree that shares nothing with it but blocks which the file system copies on write. A hard link would let
# one release write into another.
copy() {
  cp -a --reflink=auto "$1" "$2" 2>/dev/null && return
  rm -rf "$2"
  cp -cRp "$1" "$2" 2>/dev/null && return
  rm -rf "$2"
  cp -RPp "$1" "$2"
}

# How many files a tree holds and how many bytes: a copy that a power cut has torn does not match.
weighed() { (cd "$1" && find . -type f -exec ls -ln {} + | awk '{ n++; s += $5 } END { print n + 0, s + 0 }'); }

# keep NAME KEY TREE: TREE as it is now, for a later build that asks for the same key.
keep() {
  rm -rf "$CACHE/$1.new"
  mkdir -p "$CACHE/$1.new"
  copy "$3" "$CACHE/$1.new/tree"
  printf '%s %s\n' "$2" "$(weighed "$3")" >"$CACHE/$1.new/key"
  rm -rf "${CACHE:?}/$1"
  mv "$CACHE/$1.new" "$CACHE/$1"
}

# restore NAME KEY TREE: what was kept under that key; fails when there is none or when it is not whole. A spare copy, which
# Dokuen makes after a deploy, becomes the tree itself: nothing is copied then.
restore() {
  for kept in "$CACHE/$1.spare" "$CACHE/$1"; do
    [ -f "$kept/key" ] && [ -d "$kept/tree" ] || continue
    # Names of its own: the scripts that call this have a key, too.
    read -r kept_key kept_weight <"$kept/key" && [ "$kept_key" = "$2" ] || continue
    { [ ! -e "$3" ] && [ ! -L "$3" ]; } || rm -rf "$3"
    if [ "$kept" = "$CACHE/$1" ]; then
      copy "$kept/tree" "$3"
    else
      mv "$kept/tree" "$3" || continue
    fi
    [ "$(weighed "$3")" = "$kept_weight" ] && return
    warn "the cached $3 is damaged; making it anew"
    rm -rf "$3" "$kept"
  done
  return 1
}

# relocate TREE PATH... [TEST...]: writes the place of today over the place at which TREE was made, in the files that find
# finds with these words. Few processes for all of them: on a small machine each start of one is felt.
relocate() {
  tree=$1
  shift
  IFS= read -r old <"$tree/.built-at" || [ -n "$old" ]
  quoted=$(printf '%s' "$old" | sed 's/[][\.*^$|]/\\&/g')
  new=$(printf '%s' "$BUILD" | sed 's/[\&|]/\\&/g')
  found=$(find "$@" -type f -exec grep -lF -- "$old" {} + 2>/dev/null || true)
  [ -z "$found" ] || (
    set -f
    IFS='
'
    set -- $found
    LC_ALL=C sed -i.was "s|$quoted|$new|g" "$@"
    for file in "$@"; do
      set -- "$@" "$file.was"
      shift
    done
    rm "$@"
  )
  built_here "$tree"
}

built_here() { printf '%s' "$BUILD" >"$1/.built-at"; }

# publish: the script that serves files goes into the app.
publish() {
  mkdir -p .static
  cp "$packs/static/serve" .static/serve
  chmod 755 .static/serve
}

# The directory in which a site stands, relative to the app.
site() {
  for dir in "$@"; do
    [ -f "$dir/index.html" ] && printf '%s' "$dir" && return
  done
  return 1
}
