// Whether compile() keeps the graphs it has traced: a setting of the process.
#pragma once

namespace mica {

// disabled: compiled functions run as if they were not. no_simplify: traces are replayed as they
// are, without merging equal nodes first. no_fuse: as enabled, for fusing is not compile()'s: the
// engine fuses every graph it evaluates, and changes no bit by it.
enum class CompileMode { disabled, no_simplify, no_fuse, enabled };

namespace engine {

// Where the environment variable MICA_DISABLE_COMPILE is set, disabled until a mode is set.
CompileMode compile_mode();
void set_compile_mode(CompileMode mode);

}  // namespace engine
}  // namespace mica
