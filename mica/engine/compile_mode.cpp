#include "mica/engine/compile_mode.h"

#include <atomic>
#include <cstdlib>

namespace mica::engine {
namespace {

std::atomic<CompileMode>& mode() {
  static std::atomic<CompileMode> current{
      std::getenv("MICA_DISABLE_COMPILE") ? CompileMode::disabled : CompileMode::enabled};
  return current;
}

}  // namespace

CompileMode compile_mode() { return mode().load(std::memory_order_relaxed); }
void set_compile_mode(CompileMode m) { mode().store(m, std::memory_order_relaxed); }

}  // namespace mica::engine
