#include "parts.h"
#include "guarded.h"

#include <ATen/SequenceNumber.h>
#include <ATen/record_function.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/graph_task.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
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
  std::array<at::CallbackHandle, 2> callbacks;
  // The thread that measures; others count as far as they compute gradients for it.
  std::thread::id owner;
  // The first thing that went wrong.
  std::string error;
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

struct Gone {
  ~Gone() { frames.pop_back(); }
};

// Runs `body` alone. Exceptions end here: what follows is measured wrongly, and `ndb_parts_end` says why.
template <typename Body>
void alone(Body body) {
  Measurement& m = measurement();
  const std::lock_guard<std::mutex> lock(m.mutex);
  try {
    body(m);
  } catch (const std::exception& e) {
    if (m.error.empty()) m.error = e.what();
  }
}

void push(int part, bool backward) {
  alone([&](Measurement& m) {
    const Frame next{part, backward, at::sequence_number::peek()};
    boundary(m);
    frames.push_back(next);
  });
}

void pop() {
  if (frames.empty()) return;
  alone([&](Measurement& m) {
    const Frame top = frames.back();
    // Whatever goes wrong, the frame is gone.
    const Gone gone;
    boundary(m);
    if (top.backward) return;
    // Scopes within this one have ended before, and taken their nodes.
    const uint64_t end = at::sequence_number::peek();
    if (top.sequence < m.first || end < top.sequence) return;
    if (end - m.first > m.part_of.size()) m.part_of.resize(end - m.first, -1);
    for (uint64_t node = top.sequence; node < end; ++node) {
      int8_t& part = m.part_of[node - m.first];
      if (part < 0) part = static_cast<int8_t>(top.part);
    }
  });
}

// Called before the gradients of a node are computed.
std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  const Measurement& m = measurement();
  const int64_t node = function.seqNr() - static_cast<int64_t>(m.first);
  const bool known = node >= 0 && static_cast<size_t>(node) < m.part_of.size() && m.part_of[node] >= 0;
  push(known ? m.part_of[node] : NDB_PART_OTHER, true);
  return nullptr;
}

void leave(const at::RecordFunction&, at::ObserverContext*) { pop(); }

struct Summing : at::ObserverContext {};

// Called before any operation. What runs between the nodes of a backward pass is autograd's own: it sums gradients.
std::unique_ptr<at::ObserverContext> enter_sum(const at::RecordFunction&) {
  if (!frames.empty() || torch::autograd::get_current_graph_task_id() < 0) return nullptr;
  push(NDB_PART_SUMS, true);
  return std::make_unique<Summing>();
}

void leave_sum(const at::RecordFunction&, at::ObserverContext* context) {
  if (context) pop();
}

}  // namespace

void ndb_part_begin(ndb_part part) {
  if (!measuring.load(std::memory_order_acquire)) return;
  if (frames.empty() && std::this_thread::get_id() != measurement().owner) return;
  push(part, !frames.empty() && frames.back().backward);
}

void ndb_part_end() {
  if (measuring.load(std::memory_order_acquire)) pop();
}

char* ndb_parts_begin(int64_t device) {
  return guarded([&] {
    Measurement& m = measurement();
    m.parts = {};
    m.part_of.clear();
    m.first = at::sequence_number::peek();
    m.device = device;
    m.owner = std::this_thread::get_id();
    m.error.clear();
    // Threads that compute gradients for this one take it over.
    m.callbacks = {
        at::addThreadLocalCallback(
            at::RecordFunctionCallback(enter, leave).scopes({at::RecordScope::BACKWARD_FUNCTION})),
        at::addThreadLocalCallback(
            at::RecordFunctionCallback(enter_sum, leave_sum).scopes({at::RecordScope::FUNCTION})),
    };
    measuring.store(true, std::memory_order_release);
  });
}

char* ndb_parts_end(ndb_parts* parts) {
  return guarded([&] {
    Measurement& m = measurement();
    measuring.store(false, std::memory_order_release);
    frames.clear();
    *parts = m.parts;
    for (const at::CallbackHandle callback : m.callbacks) at::removeCallback(callback);
    TORCH_CHECK(m.error.empty(), "parts of a step cannot be measured: ", m.error);
  });
}
