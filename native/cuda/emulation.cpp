// The kernels' code on the host, lane by lane: for tests where there is no GPU.
#include "cuda/field_merge.h"
#include "cuda/field_screen.h"
#include "cuda/field_sums.h"
#include "cuda/host_block.h"
#include "cuda/launch.h"

namespace pfgm::cuda {
namespace {

int64_t tiles(int64_t count, int64_t size) {
  return (count + size - 1) / size;
}

template <class Problem>
void each_row(const Problem& problem, void (*row)(HostWarp&, const Problem&, int64_t)) {
  int64_t sides = 0;
  HostWarp warp{0, &sides};
  for (int64_t i = 0; i < problem.count; ++i) row(warp, problem, i);
}

}  // namespace

void emulate(const PreparationProblem& problem) {
  for (int64_t c = 0; c < problem.field.dimensions; ++c)
    problem.field.centre[c] = centre_coordinate(problem.field, c);
  each_row(problem.field, nearby_row<HostWarp>);
}

int64_t emulate(const FieldProblem& problem) {
  int64_t sides = 0;
  for (int64_t query_tile = 0; query_tile < tiles(problem.count, kQueries); ++query_tile)
    for (int64_t index = 0; index < problem.splits; ++index) {
      FieldShared shared;
      HostBlock block;
      sum_split(block, problem, query_tile, index, shared);
      sides += block.exact_sides;
    }
  for (int64_t query = 0; query < problem.count; ++query) {
    MergeShared shared;
    HostBlock block;
    merge_splits(block, problem, query, shared);
  }
  return sides;
}

void emulate(const ScreenProblem& problem) {
  for (int64_t query_tile = 0; query_tile < tiles(problem.field.count, kQueries); ++query_tile)
    for (int64_t tile = 0; tile < tiles(problem.field.source_count, kSources); ++tile) {
      FieldShared shared;
      HostBlock block;
      write_bounds(block, problem, query_tile, tile, shared);
    }
}

void emulate(const PerturbationProblem& problem) {
  each_row(problem, perturb_row<HostWarp>);
}

}  // namespace pfgm::cuda
