/** Data values in [-1, 1] deviate about this much from their mean: what steps are judged by far from any data. */
export const DATA_DEVIATION = 1
