// Compiled for AVX-512, as nothing else is. Uses nothing of the standard library, whose functions would be compiled for it too, and
// might be what the rest of the program is linked to.
#include "tile.h"

#include <xmmintrin.h>

namespace ndbench {
namespace {

// Products of a sum that are taken at a time: strips so long fit the nearest cache.
constexpr int64_t DEPTH = 96;

// A row of a strip.
typedef float Vector __attribute__((vector_size(4 * STRIP)));

Vector* vector(float* numbers) { return reinterpret_cast<Vector*>(numbers); }
const Vector* vector(const float* numbers) { return reinterpret_cast<const Vector*>(numbers); }

// Adds left^T right of `depth` rows to the sums of a tile.
void add_products(const float* left, const float* const* right, int64_t depth, float* sums) {
  Vector sum[TILE_ROWS][TILE_STRIPS];
  const auto at = [&](int r, int s) { return vector(sums + r * TILE_COLUMNS + s * STRIP); };
#pragma GCC unroll 8
  for (int r = 0; r < TILE_ROWS; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < TILE_STRIPS; ++s) sum[r][s] = *at(r, s);
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vector columns[TILE_STRIPS];
#pragma GCC unroll 4
    for (int s = 0; s < TILE_STRIPS; ++s) columns[s] = *vector(right[s] + k * STRIP);
#pragma GCC unroll 8
    for (int r = 0; r < TILE_ROWS; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < TILE_STRIPS; ++s) sum[r][s] += left[k * STRIP + r] * columns[s];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < TILE_ROWS; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < TILE_STRIPS; ++s) *at(r, s) = sum[r][s];
  }
}

// The sums of the products of a part.
void multiply(const TilePart& part, int64_t strips) {
  const int64_t strip = part.n * STRIP;
  for (int64_t i = 0; i < (part.to - part.from) * TILE_ROWS * TILE_COLUMNS; ++i) part.sums[i] = 0;
  for (int64_t p = 0; p < part.products; ++p) {
    for (int64_t k = 0; k < part.n; k += DEPTH) {
      const int64_t depth = part.n - k < DEPTH ? part.n - k : DEPTH;
      const float* right[TILE_STRIPS];
      // What is summed for strips that there are not is not used.
      for (int64_t s = 0; s < TILE_STRIPS; ++s) right[s] = part.right[p] + (part.strip + (s < strips ? s : 0)) * strip + k * STRIP;
      for (int64_t h = part.from; h < part.to; ++h) {
        const int64_t row = h * TILE_ROWS;
        const float* left = part.left[p] + row / STRIP * strip + k * STRIP + row % STRIP;
        float* sums = part.sums + (h - part.from) * TILE_ROWS * TILE_COLUMNS;
        add_products(left, right, depth, sums);
      }
    }
  }
}

// Makes the result of the sums of one row of one strip, and writes it.
void finish(const TilePart& part, int64_t row, int64_t strip, float* sums) {
  const int64_t at = (strip * part.n + row) * STRIP, diagonal = row - strip * STRIP;
  Vector result = part.alpha * *vector(sums);
  if (part.c) result += part.beta * *vector(part.c + at);
  if (diagonal >= 0 && diagonal < STRIP) result[diagonal] += part.gamma;
  *vector(sums) = result;
  *vector(part.out + at) = result;
}

// Writes what lies below the diagonal above it too. `to` is where the rows of the tile lie as columns.
void mirror(const float* sums, int64_t row, int64_t column, int64_t columns, float* to) {
  if (row < column + columns || columns % 4 != 0) {
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t r = 0; r < TILE_ROWS; ++r) {
        if (row + r > column + j) to[j * STRIP + r] = sums[r * TILE_COLUMNS + j];
      }
    }
    return;
  }
  for (int64_t j = 0; j < columns; j += 4) {
    for (int64_t r = 0; r < TILE_ROWS; r += 4) {
      __m128 rows[4];
      for (int64_t i = 0; i < 4; ++i) rows[i] = _mm_load_ps(sums + (r + i) * TILE_COLUMNS + j);
      _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
      for (int64_t i = 0; i < 4; ++i) _mm_store_ps(to + (j + i) * STRIP + r, rows[i]);
    }
  }
}

}  // namespace

void compute(const TilePart& part) {
  const int64_t n = part.n, column = part.strip * STRIP;
  const int64_t columns = n - column < TILE_COLUMNS ? n - column : TILE_COLUMNS, strips = (columns + STRIP - 1) / STRIP;
  multiply(part, strips);
  for (int64_t h = part.from; h < part.to; ++h) {
    const int64_t row = h * TILE_ROWS;
    float* sums = part.sums + (h - part.from) * TILE_ROWS * TILE_COLUMNS;
    for (int64_t r = 0; r < TILE_ROWS; ++r) {
      for (int64_t s = 0; s < strips; ++s) {
        float* of_a_strip = sums + r * TILE_COLUMNS + s * STRIP;
        if (row + r < n) {
          finish(part, row + r, part.strip + s, of_a_strip);
        } else {
          for (int64_t i = 0; i < STRIP; ++i) of_a_strip[i] = 0;
        }
      }
    }
    mirror(sums, row, column, columns, part.out + (row / STRIP * n + column) * STRIP + row % STRIP);
  }
}

}  // namespace ndbench
