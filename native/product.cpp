#include "product.h"

#include <ATen/Context.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace ndbench {
namespace {

constexpr const char* SOURCE =
#include "product.cu"
    ;

// The structure of the same name in `product.cu`.
struct Product {
  const float* a[2];
  const float* b[2];
  const float* c;
  float* out;
  long long batch_a, batch_b, batch_c, batch_out;
  int lda, ldb, m, n, k;
  int terms, splits, chunk;
  float alpha, beta, gamma;
  int symmetric, exact;
};

std::atomic<bool> used{false};

// What a block of threads computes, and how many they are.
struct Tile {
  const char* name;
  int64_t rows, columns, threads;
};

constexpr Tile SMALL{"small", 64, 32, 128}, LARGE{"large", 128, 64, 256};
constexpr std::array<const char*, 3> LAYOUTS{"nn", "nt", "tn"};
constexpr int64_t DEPTH = 16;
// Of a grid of blocks in its third direction.
constexpr int64_t MOST_MATRICES = 65535;

// Function of a library that is open already, or of `library`.
template <typename Function>
Function* found(const char* name, void* library = RTLD_DEFAULT) {
  void* address = dlsym(library, name);
  TORCH_CHECK(address, name, " is missing");
  return reinterpret_cast<Function*>(address);
}

void check(int result, const char* what) { TORCH_CHECK(result == 0, what, " failed with error ", result); }

// Beside CUDA's runtime lies its compiler, of the same version.
void* compiler() {
  Dl_info runtime;
  TORCH_CHECK(dladdr(dlsym(RTLD_DEFAULT, "cudaGetDevice"), &runtime), "CUDA's runtime is missing");
  std::string path = runtime.dli_fname;
  const size_t name = path.rfind("cudart");
  TORCH_CHECK(name != std::string::npos, "no compiler beside ", path);
  path.replace(name, 6, "nvrtc");
  void* library = dlopen(path.c_str(), RTLD_NOW);
  TORCH_CHECK(library, dlerror());
  return library;
}

// Machine code for GPUs of an architecture, such as sm_90.
std::string compiled(const std::string& architecture) {
  void* library = compiler();
  using Program = void*;
  Program program = nullptr;
  const auto create = found<int(Program*, const char*, const char*, int, const char* const*, const char* const*)>("nvrtcCreateProgram", library);
  check(create(&program, SOURCE, "product.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  const std::string option = "--gpu-architecture=" + architecture;
  const std::array<const char*, 2> options{option.c_str(), "--std=c++17"};
  check(found<int(Program, int, const char* const*)>("nvrtcCompileProgram", library)(program, options.size(), options.data()),
        "nvrtcCompileProgram");
  size_t size = 0;
  check(found<int(Program, size_t*)>("nvrtcGetCUBINSize", library)(program, &size), "nvrtcGetCUBINSize");
  std::string code(size, '\0');
  check(found<int(Program, char*)>("nvrtcGetCUBIN", library)(program, code.data()), "nvrtcGetCUBIN");
  found<int(Program*)>("nvrtcDestroyProgram", library)(&program);
  return code;
}

// The kernels of one device, for as long as the process lives.
class Kernels {
 public:
  explicit Kernels(int device) {
    // A module is loaded into a context, which this makes where there is none yet.
    check(found<int(int)>("cudaSetDevice")(device), "cudaSetDevice");
    const auto attribute = [device](int which) {
      int value = 0;
      check(found<int(int*, int, int)>("cuDeviceGetAttribute")(&value, which, device), "cuDeviceGetAttribute");
      return value;
    };
    processors_ = attribute(/*CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT=*/16);
    const int major = attribute(/*CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=*/75);
    const int minor = attribute(/*CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=*/76);
    TORCH_CHECK(major >= 8, "GPUs before compute capability 8.0 have no TF32");
    const std::string code = compiled("sm_" + std::to_string(major) + std::to_string(minor));
    void* module = nullptr;
    check(found<int(void**, const void*)>("cuModuleLoadData")(&module, code.data()), "cuModuleLoadData");
    for (const Tile& tile : {SMALL, LARGE}) {
      for (const char* layout : LAYOUTS) {
        const std::string name = std::string(tile.name) + "_" + layout;
        check(found<int(void**, void*, const char*)>("cuModuleGetFunction")(&functions_[name], module, name.c_str()), name.c_str());
      }
    }
    using Launch = int(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);
    launch_ = found<Launch>("cuLaunchKernel");
  }

  int64_t processors() const { return processors_; }

  void launch(const Tile& tile, const char* layout, const Product& product, int64_t matrices, void* stream) const {
    const auto blocks = [](int64_t length, int64_t of) { return static_cast<unsigned>((length + of - 1) / of); };
    void* arguments[] = {const_cast<Product*>(&product)};
    void* function = functions_.at(std::string(tile.name) + "_" + layout);
    check(launch_(function, blocks(product.n, tile.columns), blocks(product.m, tile.rows), matrices, tile.threads, 1, 1, 0, stream,
                  arguments, nullptr),
          "cuLaunchKernel");
  }

 private:
  int64_t processors_ = 0;
  std::map<std::string, void*> functions_;
  int (*launch_)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**) = nullptr;
};

// Kernels, or why there are none.
struct Made {
  std::unique_ptr<Kernels> kernels;
  std::string why;
};

// Those of a device, made when they are first asked for.
const Made& made(int64_t device) {
  static std::mutex one;
  static std::map<int64_t, Made> all;
  const std::lock_guard<std::mutex> lock(one);
  const auto known = all.find(device);
  if (known != all.end()) return known->second;
  Made& made = all[device];
  try {
    const c10::DeviceGuard as_before(c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(device)));
    made.kernels = std::make_unique<Kernels>(static_cast<int>(device));
  } catch (const c10::Error& error) {
    made.why = error.what_without_backtrace();
    TORCH_WARN("GPU ", device, " whitens without the kernel for it, more slowly: ", made.why);
  }
  return made;
}

// How an operand lies in memory: whether the numbers that are multiplied and added lie side by side, and how far rows (or, the
// other way round, columns) are apart.
struct Lies {
  bool along_k;
  int64_t apart;
};

// A matrix [.., rows, k] as the kernel may read it; none where it may not.
std::optional<Lies> lies(const at::Tensor& matrix) {
  const int64_t rows = matrix.size(-2), k = matrix.size(-1);
  const bool along_k = matrix.stride(-1) == 1;
  if (!along_k && matrix.stride(-2) != 1) return {};
  const Lies found{along_k, matrix.stride(along_k ? -2 : -1)};
  const int64_t across = along_k ? k : rows, batch = matrix.dim() == 3 ? matrix.stride(0) : 0;
  const bool aligned = reinterpret_cast<uintptr_t>(matrix.const_data_ptr()) % 16 == 0;
  if (!aligned || across % 4 || found.apart % 4 || batch % 4 || found.apart < across) return {};
  return found;
}

bool is_taken(const at::Tensor& t, int64_t dimensions) {
  return t.is_cuda() && t.scalar_type() == at::kFloat && t.dim() == dimensions && t.numel() > 0;
}

// How the operands of a sum lie; none where the kernel cannot take it.
struct Operands {
  Lies left, right;
  const char* layout() const { return !left.along_k ? "tn" : right.along_k ? "nt" : "nn"; }
};

std::optional<Operands> operands(const Sum& sum) {
  const Factors& first = sum.products.front();
  const int64_t dimensions = first.left.dim();
  if (dimensions < 2 || dimensions > 3) return {};
  if (dimensions == 3 && first.left.size(0) != first.right.size(0)) return {};
  const auto alike = [](const at::Tensor& a, const at::Tensor& b) { return a.sizes() == b.sizes() && a.strides() == b.strides(); };
  for (const Factors& p : sum.products) {
    if (!is_taken(p.left, dimensions) || !is_taken(p.right, dimensions)) return {};
    if (!alike(p.left, first.left) || !alike(p.right, first.right)) return {};
    // Each begins at an address of its own.
    if (!lies(p.left) || !lies(p.right.transpose(-2, -1))) return {};
  }
  if (sum.c.defined() && (!is_taken(sum.c, dimensions) || !sum.c.is_contiguous())) return {};
  const Operands found{*lies(first.left), *lies(first.right.transpose(-2, -1))};
  if (!found.left.along_k && found.right.along_k) return {};
  return found;
}

// Which tiles a result is cut into, and into how many parts its sums.
struct Cut {
  const Tile* tile;
  int64_t splits;
};

// Long sums are cut, so that every processor has something to do.
Cut cut(int64_t m, int64_t n, int64_t k, int64_t matrices, bool symmetric, int64_t processors) {
  const auto blocks = [&](const Tile& tile) {
    const int64_t all = (m + tile.rows - 1) / tile.rows * ((n + tile.columns - 1) / tile.columns) * matrices;
    return symmetric ? (all + 1) / 2 : all;
  };
  const int64_t most = std::max<int64_t>(1, k / 512);
  const Tile& tile = blocks(LARGE) * most >= processors ? LARGE : SMALL;
  return {&tile, std::clamp<int64_t>(2 * processors / blocks(tile), 1, most)};
}

const float* numbers(const at::Tensor& t) { return t.const_data_ptr<float>(); }

}  // namespace

void use_kernel(bool use) { used.store(use); }

std::string no_kernel(int64_t index) { return made(index).why; }

std::optional<at::Tensor> by_kernel(const Sum& sum) {
  const at::Tensor &left = sum.products.front().left, &right = sum.products.front().right;
  if (!used.load() || !left.is_cuda()) return {};
  const c10::DeviceGuard here(left.device());
  const std::optional<Operands> lie = operands(sum);
  const Kernels* kernels = lie ? made(left.device().index()).kernels.get() : nullptr;
  if (!kernels) return {};

  const int64_t m = left.size(-2), k = left.size(-1), n = right.size(-1), matrices = left.dim() == 3 ? left.size(0) : 1;
  const auto [tile, splits] = cut(m, n, k, matrices, sum.symmetric, kernels->processors());
  if (matrices * splits > MOST_MATRICES) return {};
  std::vector<int64_t> sizes = left.sizes().vec();
  sizes.back() = n;
  if (splits > 1) sizes.insert(sizes.end() - 2, splits);
  at::Tensor out = at::empty(sizes, left.options());

  Product product{};
  for (size_t i = 0; i < sum.products.size(); ++i) {
    product.a[i] = numbers(sum.products[i].left);
    product.b[i] = numbers(sum.products[i].right);
  }
  product.c = sum.c.defined() ? numbers(sum.c) : nullptr;
  product.out = out.mutable_data_ptr<float>();
  if (left.dim() == 3) {
    product.batch_a = left.stride(0);
    product.batch_b = right.stride(0);
  }
  product.batch_c = product.batch_out = m * n;
  product.lda = lie->left.apart;
  product.ldb = lie->right.apart;
  product.m = m;
  product.n = n;
  product.k = k;
  product.terms = sum.products.size();
  product.splits = splits;
  product.chunk = ((k + splits - 1) / splits + DEPTH - 1) / DEPTH * DEPTH;
  product.alpha = sum.alpha;
  product.beta = sum.beta;
  product.gamma = sum.gamma;
  product.symmetric = sum.symmetric;
  product.exact = !at::globalContext().allowTF32CuBLAS();
  const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
  kernels->launch(*tile, lie->layout(), product, matrices * splits, guard.getStreamNativeHandle(guard.getStream(left.device())));
  return splits > 1 ? out.sum(-3) : out;
}

at::Tensor product(const at::Tensor& left, const at::Tensor& right) {
  if (auto out = by_kernel({{{left, right}}})) return *out;
  return at::matmul(left, right);
}

}  // namespace ndbench
