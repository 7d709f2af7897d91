// Copies from rings that another thread writes at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace chrys {

// Copies bytes that the writer of a ring may overwrite meanwhile. The caller checks afterwards whether the writer did
// so, and discards the copy then.
#ifdef __SANITIZE_THREAD__
// ThreadSanitizer does not know the fences that make this check safe, so it must not see these reads. A call of memcpy
// would be seen.
__attribute__((no_sanitize("thread"), noinline)) inline void CopyWhileWritten(uint8_t* target, const uint8_t* source,
                                                                              size_t bytes) {
  const volatile uint8_t* from = source;
  for (size_t i = 0; i < bytes; ++i) target[i] = from[i];
}
#else
inline void CopyWhileWritten(uint8_t* target, const uint8_t* source, size_t bytes) {
  std::memcpy(target, source, bytes);
}
#endif

}  // namespace chrys
