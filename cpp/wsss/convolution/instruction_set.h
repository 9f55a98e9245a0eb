// Which of the instruction sets that our loops are compiled for the processor has.
#pragma once

namespace wsss {

/// From the oldest to the newest; each includes those before it. kAvx512 is F, BW, DQ and VL together, kAvx2 has FMA,
/// kAvx512Bf16 multiplies pairs of bfloat16 and adds in float32.
enum class InstructionSet { kBaseline, kAvx2, kAvx512, kAvx512Bf16 };

/// The newest that processor and compiler have, up to the limit if there is one.
InstructionSet instruction_set();

/// While it lives, no loop takes a newer instruction set than this, on any thread: so that each can be tested on a
/// processor that has them all.
class InstructionSetLimit {
 public:
  explicit InstructionSetLimit(InstructionSet newest);
  ~InstructionSetLimit();
  InstructionSetLimit(const InstructionSetLimit&) = delete;
  InstructionSetLimit& operator=(const InstructionSetLimit&) = delete;

 private:
  InstructionSet previous_;
};

}  // namespace wsss
