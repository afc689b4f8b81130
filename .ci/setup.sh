# shellcheck shell=bash
# Sourced by tests/run, examples/run, benchmarks/run and .ci/run: where things are, what must be installed, how CMake is
# called. Everything said here goes to stderr, so that stdout stays the program's.
#
# Environment: CXX (g++), MILLRACE_BUILD_DIR (build), MILLRACE_JOBS (number of processors),
# MILLRACE_SKIP_PACKAGES=1 (look for no packages: CMake says what it does not find).

millraceRoot=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
millraceBuild=${MILLRACE_BUILD_DIR:-$millraceRoot/build}
millraceJobs=${MILLRACE_JOBS:-$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)}
export CXX=${CXX:-g++}

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# ---- packages, by their names in Debian 12 ---------------------------------------------------------------------------

millracePackagesToBuild=(g++ cmake ninja-build libboost-dev libfmt-dev nlohmann-json3-dev)
millracePackagesToTest=("${millracePackagesToBuild[@]}" catch2 pkg-config libsqlite3-dev libzstd-dev)

hasHeader() { printf '#if !__has_include(<%s>)\n#error\n#endif\n' "$1" | "$CXX" -std=c++20 -E -x c++ - >/dev/null 2>&1; }

# Whether what a package brings is there; whoever installed it another way need not have the package.
hasPackage() {
    case $1 in
        g++) command -v "$CXX" ;;
        ninja-build) command -v ninja ;;
        pkg-config) command -v pkg-config || command -v pkgconf ;;
        libboost-dev) hasHeader boost/asio/thread_pool.hpp ;;
        libfmt-dev) hasHeader fmt/core.h ;;
        nlohmann-json3-dev) hasHeader nlohmann/json.hpp ;;
        libsqlite3-dev) hasHeader sqlite3.h ;;
        libzstd-dev) hasHeader zstd.h ;;
        catch2) hasHeader catch2/catch.hpp || hasHeader catch2/catch_all.hpp ;;
        clang-14) command -v clang++-14 ;;
        libclang-rt-14-dev) compgen -G '/usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.tsan-*.a' ;;
        *) command -v "$1" ;;
    esac >/dev/null
}

missingPackages() {
    local package
    for package in "$@"; do
        hasPackage "$package" || printf '%s ' "$package"
    done
}

# requirePackages NAME...: installs on Debian, elsewhere says what to install and gives up.
requirePackages() {
    if [[ ${MILLRACE_SKIP_PACKAGES:-0} == 1 ]]; then return 0; fi
    local missing
    missing=$(missingPackages "$@")
    if [[ -z $missing ]]; then return 0; fi

    local system=unknown
    if [[ -r /etc/os-release ]]; then system=$(. /etc/os-release && printf '%s' "$ID"); fi
    if [[ $system != debian ]]; then
        say "Missing on this system, by the names of Debian's packages: $missing"
        case $system in
            ubuntu | linuxmint | pop | raspbian) say "Install:  sudo apt-get install $missing" ;;
            fedora | rhel | centos | rocky | almalinux)
                say "Install:  sudo dnf install gcc-c++ cmake ninja-build boost-devel fmt-devel json-devel catch-devel pkgconf-pkg-config sqlite-devel libzstd-devel"
                ;;
            arch | manjaro) say "Install:  sudo pacman -S --needed gcc cmake ninja boost fmt nlohmann-json catch2 pkgconf sqlite zstd" ;;
            opensuse* | sles)
                say "Install:  sudo zypper install gcc-c++ cmake ninja libboost_headers-devel fmt-devel nlohmann_json-devel Catch2-devel pkgconf sqlite3-devel libzstd-devel"
                ;;
            *)
                say "Install a C++20 compiler (g++ >= 12 or Clang >= 14), CMake >= 3.25, Ninja, Boost >= 1.74 (headers), fmt >= 9,"
                say "nlohmann_json >= 3.11, Catch2 (2 or 3), pkg-config, SQLite 3 and zstd with their headers."
                ;;
        esac
        say "Where they are installed but not found here, set CMAKE_PREFIX_PATH and MILLRACE_SKIP_PACKAGES=1."
        exit 1
    fi

    local asRoot=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "not root and there is no sudo; as root: apt-get install $missing"
        asRoot=(sudo)
    fi
    say "installing $missing"
    local apt=("${asRoot[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update >&2 || die "apt-get update failed"
    # shellcheck disable=SC2086  # a list of words
    "${apt[@]}" install -y --no-install-recommends $missing >&2 || die "apt-get could not install $missing"
    hash -r
    missing=$(missingPackages "$@")
    if [[ -n $missing ]]; then die "still missing after the installation: $missing"; fi
}

# ---- processes --------------------------------------------------------------------------------------------------------

# waitForOne PID...: waits for one of these, all that run; sets `process` to which it was and `status` to how it ended.
waitForOne() {
    local ended
    status=0
    wait -n -p ended || status=$?
    process=${ended:-$1}
    # it no longer knows one that a signal ended before
    if [[ -z ${ended:-} ]]; then
        status=0
        wait "$process" || status=$?
    fi
}

# ---- building ---------------------------------------------------------------------------------------------------------

# configureBuild DIR OPTION...: CMake with Ninja and, where there is one, ccache.
configureBuild() {
    local dir=$1
    shift
    if [[ -f $dir/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$millraceRoot" "$dir/CMakeCache.txt"; then
        rm -rf "$dir" # made for a copy of the project elsewhere
    fi
    local launcher=
    if command -v ccache >/dev/null; then launcher=ccache; fi
    # the launcher is passed when empty too: ccache may have gone since
    cmake -S "$millraceRoot" -B "$dir" -G Ninja -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
        -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" >&2
}

buildTargets() {
    local dir=$1
    shift
    cmake --build "$dir" --parallel "$millraceJobs" ${1:+--target "$@"} >&2
}

# The project is kept free of warnings for the compilers it is tested with; a newer one may know more of them.
warningsAsErrors() {
    case $("$CXX" -dumpversion) in
        12 | 12.* | 14.0.*) printf ON ;;
        *) printf OFF ;;
    esac
}

# buildTests TARGET...: in the build that tests/run and the scripts of its folders share. What is not optimised compiles a
# quarter faster; what runs for long is optimised.
testsBuild=$millraceBuild/tests
buildTests() {
    # by tests/run, before it ran scripts side by side
    if [[ ${MILLRACE_TESTS_BUILT:-0} == 1 ]]; then return 0; fi
    configureBuild "$testsBuild" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O0" -DMILLRACE_TESTS_OPTIMISED="-O1" \
        -DMILLRACE_BUILD_EXAMPLES=OFF -DMILLRACE_BUILD_BENCHMARKS=OFF -DMILLRACE_BUILD_COMPILED=OFF \
        -DMILLRACE_TESTS_TOGETHER="${MILLRACE_TESTS_TOGETHER:-0}" \
        -DMILLRACE_TESTS_PRECOMPILED="${MILLRACE_TESTS_PRECOMPILED:-OFF}" -DMILLRACE_WARNINGS_AS_ERRORS="$(warningsAsErrors)" &&
        buildTargets "$testsBuild" "$@"
}

examplesBuild=$millraceBuild/examples

# configureExamples: the release build that examples/run and .ci/check_examples share; binaries are $examplesBuild/<name>.
# MILLRACE_EXAMPLE_FLAGS are for all but stock_market.
configureExamples() {
    configureBuild "$examplesBuild" -DCMAKE_BUILD_TYPE=Release -DMILLRACE_BUILD_TESTS=OFF -DMILLRACE_BUILD_BENCHMARKS=OFF \
        -DMILLRACE_BUILD_COMPILED=OFF -DMILLRACE_EXAMPLE_FLAGS="${MILLRACE_EXAMPLE_FLAGS:-}" \
        -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$examplesBuild"
}

benchmarksBuild=$millraceBuild/bench

# configureBenchmarks: the build that all scripts of benchmarks/ share; binaries are $benchmarksBuild/benchmarks/<name>.
# MILLRACE_BENCHMARK_FLAGS are for all but throughput and nexmark.
configureBenchmarks() {
    configureBuild "$benchmarksBuild" -DCMAKE_BUILD_TYPE=Release -DMILLRACE_BUILD_TESTS=OFF -DMILLRACE_BUILD_EXAMPLES=OFF \
        -DMILLRACE_BUILD_COMPILED=OFF -DMILLRACE_BENCHMARK_FLAGS="${MILLRACE_BENCHMARK_FLAGS:-}"
}

# ---- counting ---------------------------------------------------------------------------------------------------------

# Sums over all that ran; addCounts reads "N passed, N failed[, N skipped]" from the end of a file.
passed=0 failed=0 skipped=0

addCounts() {
    local line pattern='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'
    line=$(grep -E "$pattern" "$1" | tail -n 1) || return 1
    [[ $line =~ $pattern ]]
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
}

printCounts() {
    local text="$passed passed, $failed failed"
    if ((skipped > 0)); then text+=", $skipped skipped"; fi
    printf '%s\n' "$text"
}
