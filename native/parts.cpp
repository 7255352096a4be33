#include "parts.h"
#include "guarded.h"

#include <ATen/SequenceNumber.h>
#include <ATen/record_function.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// What is being measured. One thread works at a time: the backward pass may have threads of its own, and the one that
// called it waits.
struct Measurement {
  std::mutex mutex;
  ndb_parts parts;
  // The part of each node of the graph, by its sequence number less the first one; -1 for none yet.
  std::vector<int8_t> part_of;
  uint64_t first;
  // Waited for at each boundary; negative for the CPU.
  int64_t device;
  at::CallbackHandle callback;
};

std::atomic<bool> measuring{false};

Measurement& measurement() {
  static Measurement one;
  return one;
}

struct Frame {
  int part;
  bool backward;
  uint64_t sequence;
};

thread_local std::vector<Frame> frames;
thread_local Clock::time_point since;

// Books the time since the last boundary.
void boundary(Measurement& m) {
  if (m.device >= 0) {
    const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
    guard.synchronizeDevice(static_cast<c10::DeviceIndex>(m.device));
  }
  const auto now = Clock::now();
  if (!frames.empty()) {
    const Frame& top = frames.back();
    const double seconds = std::chrono::duration<double>(now - since).count();
    (top.backward ? m.parts.backward : m.parts.forward)[top.part] += seconds;
  }
  since = now;
}

void push(int part, bool backward) {
  Measurement& m = measurement();
  const std::lock_guard<std::mutex> lock(m.mutex);
  boundary(m);
  frames.push_back({part, backward, at::sequence_number::peek()});
}

void pop() {
  Measurement& m = measurement();
  const std::lock_guard<std::mutex> lock(m.mutex);
  boundary(m);
  const Frame top = frames.back();
  frames.pop_back();
  if (top.backward) return;
  // Scopes within this one have ended before, and taken their nodes.
  const uint64_t end = at::sequence_number::peek();
  if (end - m.first > m.part_of.size()) m.part_of.resize(end - m.first, -1);
  for (uint64_t node = top.sequence; node < end; ++node) {
    int8_t& part = m.part_of[node - m.first];
    if (part < 0) part = static_cast<int8_t>(top.part);
  }
}

// Where `begin` was called while measuring, `end` has to pop.
std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  const Measurement& m = measurement();
  const int64_t node = function.seqNr() - static_cast<int64_t>(m.first);
  const bool known = node >= 0 && static_cast<size_t>(node) < m.part_of.size() && m.part_of[node] >= 0;
  push(known ? m.part_of[node] : NDB_PART_OTHER, true);
  return nullptr;
}

void leave(const at::RecordFunction&, at::ObserverContext*) { pop(); }

}  // namespace

void ndb_part_begin(ndb_part part) {
  if (!measuring.load(std::memory_order_relaxed)) return;
  push(part, !frames.empty() && frames.back().backward);
}

void ndb_part_end() {
  if (measuring.load(std::memory_order_relaxed) && !frames.empty()) pop();
}

char* ndb_parts_begin(int64_t device) {
  return guarded([&] {
    Measurement& m = measurement();
    m.parts = {};
    m.part_of.clear();
    m.first = at::sequence_number::peek();
    m.device = device;
    m.callback = at::addGlobalCallback(
        at::RecordFunctionCallback(enter, leave).scopes({at::RecordScope::BACKWARD_FUNCTION}));
    measuring = true;
  });
}

void ndb_parts_end(ndb_parts* parts) {
  Measurement& m = measurement();
  measuring = false;
  at::removeCallback(m.callback);
  frames.clear();
  *parts = m.parts;
}
