// A part of a sum of products of symmetric matrices, by the vectors of AVX-512.
//
// A matrix of n rows lies in strips of 16 columns, one after the other, the last filled up with zeros: entry (i, j) at
// [j / 16][i][j % 16] of [strips, n, 16]. A symmetric one can so be read down its columns as well as along its rows from what lies
// side by side, without a copy.
#pragma once
#include <cstdint>

namespace ndbench {

constexpr int64_t STRIP = 16;
// What is summed at a time, in registers: so many rows of so many columns.
constexpr int64_t TILE_ROWS = 8, TILE_STRIPS = 3, TILE_COLUMNS = TILE_STRIPS * STRIP;
// Products that are summed.
constexpr int64_t MOST_PRODUCTS = 2;

// Of out = beta c + alpha (left[0] right[0] + ..) + gamma I: the columns of up to three strips, from row 8 `from` to row 8 `to`, and
// their mirror image. All of a result are those of each third strip, with the rows from its own diagonal on.
struct TilePart {
  int64_t products;  // none, one or two
  const float* left[MOST_PRODUCTS];
  const float* right[MOST_PRODUCTS];
  const float* c;  // or null
  float* out;      // of no other
  int64_t n;       // rows of each matrix
  float beta, alpha, gamma;
  int64_t strip, from, to;
  float* sums;  // 8 * 48 (to - from) numbers to work with, a line of the cache their beginning
};

// Only on x86-64, and to be called only where the processor has AVX-512.
void compute(const TilePart& part);

}  // namespace ndbench
