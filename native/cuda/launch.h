// Runs the kernels' code: on a GPU by launch (only where built with CUDA), on the host, lane by lane, by
// emulate. Neither allocates.
#pragma once

#include "cuda/field_problem.h"
#include "cuda/perturbation_row.h"

#ifdef PFGM_CUDA
#include <cuda_runtime_api.h>
#endif

namespace pfgm::cuda {

void emulate(const PreparationProblem& problem);
// Returns how many groups of kSide x kSide pairs took the exact pass.
int64_t emulate(const FieldProblem& problem);
void emulate(const ScreenProblem& problem);
void emulate(const PerturbationProblem& problem);

#ifdef PFGM_CUDA
// On the current device, without waiting; throw Error where a launch fails.
void launch(const PreparationProblem& problem, cudaStream_t stream);
void launch(const FieldProblem& problem, cudaStream_t stream);
void launch(const ScreenProblem& problem, cudaStream_t stream);
void launch(const PerturbationProblem& problem, cudaStream_t stream);

// How many blocks of the field's kernel the current device runs at once.
int64_t resident_blocks();
#endif

}  // namespace pfgm::cuda
