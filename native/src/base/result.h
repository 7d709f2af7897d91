// How an operation that can fail returns its outcome.
#pragma once

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

namespace chrys {

// Why an operation failed. A capture ends with a Failure instead (base/failure.h), which has a code of its own.
struct Error {
  std::string message;   // what happened, with which value, what to do
  int error_number = 0;  // errno, 0 when the system was not the cause
};

inline Error OutOfMemory() { return {"There is no memory left.", ENOMEM}; }

// A value, or the Error that says why there is none.
template <typename T>
class Result {
 public:
  // Not explicit, so that a function returns a T or an Error as it is.
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return value_.has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

  // Only when there is no value.
  const Error& error() const { return error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

}  // namespace chrys
