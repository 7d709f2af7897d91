// What the test programs check with: prints each check that does not hold, and counts them.
#pragma once

#include <cstdio>

namespace chrys {

inline int failures = 0;

}  // namespace chrys

#define EXPECT(condition)                                                 \
  do {                                                                    \
    if (!(condition)) {                                                   \
      std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      ++chrys::failures;                                                  \
    }                                                                     \
  } while (false)
