// Where the time of a training step goes, by parts of the computation. Costs next to nothing unless it is being measured.
#pragma once
#include "shim.h"

namespace ndbench {

// From here to its end, the time of this thread belongs to a part; the time of a scope within it to that one's part. The
// gradients of operations that are called within belong to the part too. Sums of several gradients of one tensor are a part
// of their own; the release of what operations kept belongs to none.
class PartScope {
 public:
  explicit PartScope(ndb_part part) { ndb_part_begin(part); }
  ~PartScope() { ndb_part_end(); }
  PartScope(const PartScope&) = delete;
};

}  // namespace ndbench
