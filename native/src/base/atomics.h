// Relaxed access to atomic values: for counters and settings that need no order against other memory.
#pragma once

#include <atomic>
#include <type_traits>

namespace chrys {

template <typename T>
T LoadRelaxed(const std::atomic<T>& value) {
  return value.load(std::memory_order_relaxed);
}

template <typename T>
void StoreRelaxed(std::atomic<T>& target, std::common_type_t<T> value) {
  target.store(value, std::memory_order_relaxed);
}

// Adds without a read-modify-write. Only one thread may write the value.
template <typename T>
void AddRelaxed(std::atomic<T>& target, std::common_type_t<T> amount) {
  StoreRelaxed(target, LoadRelaxed(target) + amount);
}

}  // namespace chrys
