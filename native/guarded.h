// Exceptions do not cross into Rust.
#pragma once
#include <cstring>
#include <exception>

// Runs `body`; an exception becomes a message from malloc, no exception null.
template <typename Body>
char* guarded(Body body) {
  try {
    body();
    return nullptr;
  } catch (const std::exception& e) {
    return strdup(e.what());
  } catch (...) {
    return strdup("an exception without a message");
  }
}
