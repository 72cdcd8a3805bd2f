declare const kind: unique symbol
/** A number that stands for a native object; only the room that made it may use it. */
export type Handle<Kind extends string> = number & { readonly [kind]: Kind }

export type TensorHandle = Handle<'tensor'>
export type NetworkHandle = Handle<'network'>
export type TrainerHandle = Handle<'trainer'>
export type FlowHandle = Handle<'flow'>
export type TrajectoriesHandle = Handle<'trajectories'>
export type LockHandle = Handle<'lock'>
export type FeatureNetworkHandle = Handle<'featureNetwork'>
/** What can be stored; of networks of features, those that are no TorchScript file. */
export type OwnerHandle = NetworkHandle | TrainerHandle | TensorHandle | FeatureNetworkHandle
export type AnyHandle = OwnerHandle | FlowHandle | TrajectoriesHandle | LockHandle

/** What the values of a tensor are. */
export type Dtype = 'float32' | 'float64' | 'uint8' | 'int64'

export interface TensorInfo {
  readonly id: TensorHandle
  readonly dtype: Dtype
  readonly shape: number[]
  readonly device: string
}
