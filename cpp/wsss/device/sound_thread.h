// A way round threads in which oneDNN can make nothing any more.
#pragma once

#include <exception>
#include <functional>

namespace wsss {

/// Notes it if a failure leaves this thread without use for oneDNN: where its code generator (Xbyak) once had no memory
/// for code, it remembers that in the thread, and every new primitive is refused there from then on, however much
/// memory is free again.
void note_failure_of_thread(const std::exception& failure);

/// Does work on this thread or, if note_failure_of_thread() noted one of it, on another that lives for this work alone.
/// There it has this thread's settings of LibTorch, number of threads, precision and token to be cancelled by.
///
/// @throws whatever the work throws; Error kOutOfMemory if there is no room for another thread.
void on_sound_thread(const std::function<void()>& work);

}  // namespace wsss
