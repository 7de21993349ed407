// Ops of which several calls run as one kernel. Gathering the threads for a short call, and waiting
// for the last of them, costs a good part of it: of a product of one row with a matrix about 4 us.
#pragma once

#include <span>

#include "mica/engine/cpu/call.h"
#include "mica/engine/op.h"

namespace mica::engine {

// Such an op has two more members than op.h lists:
//   static bool joins(const Shape& out);
//       whether a call with this output is short enough
//   void cpu_joined(std::span<const cpu::Call>) const;
//       the kernel of several calls of equal ops in one dtype, none of which reads another's output
struct JoinedInfo {
  bool (*joins)(const Shape& out);  // null where calls never join
  void (*cpu)(const Op&, std::span<const cpu::Call>);
};

const JoinedInfo& joined_info(OpId id);

}  // namespace mica::engine
